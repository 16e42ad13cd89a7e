// Reads a source file without a parser: comments and the insides of strings and regular expressions blanked, so that a
// search of the rest sees code only; the strings and the imports as lists. Pure. Knows as much grammar as this house uses.

export interface Import {
  /** `type`: erased when it runs. `dynamic`: import() or require(). */
  readonly kind: 'static' | 'type' | 'dynamic';
  /** Undefined where it is computed. */
  readonly specifier: string | undefined;
  readonly line: number;
}

export interface SourceFile {
  /** From the top of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Same length and lines as `text`; comments, and what stands inside quotes and slashes, are blanks. */
  readonly code: string;
  readonly imports: readonly Import[];
}

interface Scan {
  readonly out: string[];
  /** Offset of the opening quote → what stands between the quotes. */
  readonly strings: Map<number, string>;
}

const REGEX_AFTER =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|delete|void|throw|await|yield|else))\s*$/;

function blank(scan: Scan, text: string, from: number, to: number): void {
  for (let at = from; at < to; at++) if (text[at] !== '\n') scan.out[at] = ' ';
}

function endOfQuoted(text: string, open: number): number {
  const quote = text[open];
  let at = open + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function endOfRegex(text: string, open: number): number {
  let inClass = false;
  let at = open + 1;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return at;
}

/** A template; what stands in its ${ } is code. Returns the offset behind the closing backtick. */
function scanTemplate(scan: Scan, text: string, open: number): number {
  let at = open + 1;
  let from = at;
  while (at < text.length && text[at] !== '`') {
    if (text[at] === '\\') at += 2;
    else if (text[at] === '$' && text[at + 1] === '{') {
      blank(scan, text, from, at);
      from = scanCode(scan, text, at + 2);
      at = from + 1;
    } else at++;
  }
  blank(scan, text, from, at);
  scan.strings.set(open, text.slice(open + 1, at));
  return at + 1;
}

/** Code up to the brace that closes what was open before `from`, or to the end. Returns its offset. */
function scanCode(scan: Scan, text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at]!;
    const next = text[at + 1];
    let end: number;
    if (char === '/' && (next === '/' || next === '*')) {
      end = next === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      if (end < at) end = text.length;
      blank(scan, text, at, end);
    } else if (char === "'" || char === '"') {
      end = endOfQuoted(text, at);
      scan.strings.set(at, text.slice(at + 1, end));
      blank(scan, text, at + 1, end++);
    } else if (char === '`') end = scanTemplate(scan, text, at);
    else if (char === '/' && REGEX_AFTER.test(scan.out.slice(Math.max(0, at - 80), at).join(''))) {
      end = endOfRegex(text, at);
      blank(scan, text, at + 1, end++);
    } else {
      if (char === '{') depth++;
      if (char === '}' && --depth < 0) return at;
      end = at + 1;
    }
    at = end;
  }
  return text.length;
}

export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

// Named imports hold neither quotes nor brackets, so nothing between the word and `from` can be mistaken.
const FROM = /\b(?:import|export)\b(\s+type\b)?[^'"`();=]*?\bfrom\s*(?=['"])/g;
const BARE = /\bimport\s*(?=['"])/g;
const CALL = /(\btypeof\s+|[:<|&]\s*)?(?<![.\w])(?:import|require)\s*\(\s*/g;

function importsOf(text: string, { out, strings }: Scan): Import[] {
  const code = out.join('');
  const found: Import[] = [];
  const add = (kind: Import['kind'], match: RegExpExecArray): void => {
    const specifier = strings.get(match.index + match[0].length);
    found.push({ kind, specifier, line: lineAt(text, match.index) });
  };
  for (const match of code.matchAll(FROM)) add(match[1] === undefined ? 'static' : 'type', match);
  for (const match of code.matchAll(BARE)) add('static', match);
  for (const match of code.matchAll(CALL)) add(match[1]?.startsWith('typeof') ? 'type' : 'dynamic', match);
  return found;
}

export function readSource(path: string, text: string): SourceFile {
  const scan: Scan = { out: text.split(''), strings: new Map() };
  scanCode(scan, text, 0);
  return { path, text, code: scan.out.join(''), imports: importsOf(text, scan) };
}
