// The Pub/Sub filter language, read anew: a strict parser and an evaluator for the fake. Written from the documentation of
// the language and from what pstest takes, not from the adapter. Takes both spellings of a key (bare and quoted) and
// refuses what either version of pstest takes by accident: AND mixed with OR, NOT twice, single quotes, other comparisons.
// Source: cloud.google.com/pubsub/docs/subscription-message-filter.

export type MessageFilter = (attributes: Readonly<Record<string, string>>) => boolean;

export type ParsedFilter =
  | { readonly ok: true; readonly passes: MessageFilter }
  | { readonly ok: false; readonly reason: string };

interface Token {
  readonly kind: 'word' | 'string' | 'sign';
  readonly text: string;
  readonly at: number;
}

interface Reading {
  readonly tokens: readonly Token[];
  next: number;
}

const MAX_BYTES = 256;
const BLANK = /[ \t\r\n]/;
const WORD = /[A-Za-z0-9_]/;
const SIGNS = ['!=', '=', ':', '.', ',', '(', ')', '-'];
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

function fail(at: number, says: string): never {
  throw new SyntaxError(`at ${at}: ${says}`);
}

/** \uXXXX, \UXXXXXXXX, \xXX and \ooo. */
function numbered(text: string, at: number): { readonly character: string; readonly length: number } {
  const rest = text.slice(at, at + 9);
  const hex = /^u([0-9a-fA-F]{4})|^U([0-9a-fA-F]{8})|^x([0-9a-fA-F]{2})/.exec(rest);
  const digits = hex?.[1] ?? hex?.[2] ?? hex?.[3];
  if (hex !== null && digits !== undefined) {
    return { character: String.fromCodePoint(Number.parseInt(digits, 16)), length: hex[0].length };
  }
  const octal = /^[0-3][0-7]{2}/.exec(rest);
  if (octal === null) return fail(at, 'unknown escape');
  return { character: String.fromCodePoint(Number.parseInt(octal[0], 8)), length: 3 };
}

function stringAt(text: string, open: number): { readonly token: Token; readonly end: number } {
  let value = '';
  let at = open + 1;
  for (;;) {
    const unit = text[at];
    if (unit === undefined) return fail(open, 'a string without an end');
    if (unit === '"') return { token: { kind: 'string', text: value, at: open }, end: at + 1 };
    if (unit < ' ') return fail(at, 'a control character in a string');
    if (unit !== '\\') {
      value += unit;
      at++;
      continue;
    }
    const plain = escapes[text[at + 1] ?? ''];
    const found = plain === undefined ? numbered(text, at + 1) : { character: plain, length: 1 };
    value += found.character;
    at += 1 + found.length;
  }
}

/** A bare key may have hyphens: it is read as one word after `attributes.` and `attributes:`. */
function bareKeyAt(text: string, tokens: readonly Token[], at: number): string | undefined {
  const [object, sign] = tokens.slice(-2);
  if (object?.text !== 'attributes' || object.kind !== 'word') return undefined;
  if (sign?.kind !== 'sign' || (sign.text !== '.' && sign.text !== ':')) return undefined;
  return /^[A-Za-z0-9_-]+/.exec(text.slice(at))?.[0];
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const unit = text[at]!;
    if (BLANK.test(unit)) {
      at++;
      continue;
    }
    if (unit === '"') {
      const { token, end } = stringAt(text, at);
      tokens.push(token);
      at = end;
      continue;
    }
    const bare = bareKeyAt(text, tokens, at);
    const word = bare ?? (WORD.test(unit) ? /^[A-Za-z0-9_]+/.exec(text.slice(at))![0] : undefined);
    const sign = word === undefined ? SIGNS.find((one) => text.startsWith(one, at)) : undefined;
    const found = word ?? sign ?? fail(at, `'${unit}' is not known`);
    tokens.push({ kind: word === undefined ? 'sign' : 'word', text: found, at });
    at += found.length;
  }
  return tokens;
}

const END: Token = { kind: 'sign', text: '', at: -1 };

function peek({ tokens, next }: Reading): Token {
  return tokens[next] ?? END;
}

function take(reading: Reading, text: string, kind: Token['kind'] = 'sign'): boolean {
  const found = peek(reading);
  if (found.text !== text || found.kind !== kind) return false;
  reading.next++;
  return true;
}

function due(reading: Reading, text: string): void {
  if (!take(reading, text)) fail(peek(reading).at, `'${text}' is due here, found '${peek(reading).text}'`);
}

function keyOf(reading: Reading): string {
  const found = peek(reading);
  if (found.kind === 'sign') return fail(found.at, 'a key is due here');
  if (found.text === '') return fail(found.at, 'an empty key');
  reading.next++;
  return found.text;
}

function stringOf(reading: Reading): Buffer {
  const found = peek(reading);
  if (found.kind !== 'string') return fail(found.at, 'a text in double quotes is due here');
  reading.next++;
  return Buffer.from(found.text);
}

function valueIn(attributes: Readonly<Record<string, string>>, key: string): Buffer | undefined {
  return Object.hasOwn(attributes, key) ? Buffer.from(attributes[key]!) : undefined;
}

function attributesWord(reading: Reading): void {
  if (!take(reading, 'attributes', 'word')) fail(peek(reading).at, "'attributes' is due here");
}

function prefixCall(reading: Reading): MessageFilter {
  due(reading, '(');
  attributesWord(reading);
  due(reading, '.');
  const key = keyOf(reading);
  due(reading, ',');
  const prefix = stringOf(reading);
  due(reading, ')');
  return (attributes) => valueIn(attributes, key)?.subarray(0, prefix.length).equals(prefix) === true;
}

function comparison(reading: Reading): MessageFilter {
  attributesWord(reading);
  if (take(reading, ':')) {
    const key = keyOf(reading);
    return (attributes) => valueIn(attributes, key) !== undefined;
  }
  due(reading, '.');
  const key = keyOf(reading);
  const negated = take(reading, '!=');
  if (!negated) due(reading, '=');
  const wanted = stringOf(reading);
  // True of a message without the key where it is negated.
  return (attributes) => (valueIn(attributes, key)?.equals(wanted) === true) !== negated;
}

function primary(reading: Reading): MessageFilter {
  if (take(reading, '(')) {
    const inner = expression(reading);
    due(reading, ')');
    return inner;
  }
  return take(reading, 'hasPrefix', 'word') ? prefixCall(reading) : comparison(reading);
}

function unary(reading: Reading): MessageFilter {
  if (!take(reading, 'NOT', 'word') && !take(reading, '-')) return primary(reading);
  const inner = primary(reading);
  return (attributes) => !inner(attributes);
}

function expression(reading: Reading): MessageFilter {
  const parts = [unary(reading)];
  let joinedBy: string | undefined;
  for (;;) {
    const { text, kind, at } = peek(reading);
    if (kind !== 'word' || (text !== 'AND' && text !== 'OR')) break;
    if (joinedBy !== undefined && joinedBy !== text) fail(at, 'AND and OR are mixed without parentheses');
    joinedBy = text;
    reading.next++;
    parts.push(unary(reading));
  }
  if (joinedBy === 'OR') return (attributes) => parts.some((part) => part(attributes));
  return (attributes) => parts.every((part) => part(attributes));
}

/** What CreateSubscription makes of a filter. */
export function parseFilter(text: string): ParsedFilter {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_BYTES)
    return { ok: false, reason: `the filter takes ${bytes} bytes, at most ${MAX_BYTES} are allowed` };
  if (text === '') return { ok: true, passes: () => true };
  try {
    const reading: Reading = { tokens: tokenize(text), next: 0 };
    const passes = expression(reading);
    if (reading.next < reading.tokens.length) fail(peek(reading).at, `'${peek(reading).text}' is not due here`);
    return { ok: true, passes };
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return { ok: false, reason: `bad filter ${thrown.message}` };
  }
}
