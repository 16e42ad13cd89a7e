// CESQL text into tokens. Keywords in any case; a string's value has its quotes unescaped and every other backslash as
// written, because \% and \_ are for LIKE to read. Throws PATTERN_INVALID with the place.
// Source: cloudevents/spec cesql@v1.0.0, section 2; where a string ends: its CESQLLexer.g4 (a backslash takes the next
// character along, so '\\' is two backslashes and 'a\' has no end).

import { show } from '../config.ts';
import { RouterError } from '../errors.ts';
import { keywords, type Position, positionText } from './expression.ts';

export interface Token {
  readonly kind: 'keyword' | 'word' | 'integer' | 'string' | 'symbol' | 'end';
  /** A keyword in upper case, a string's value, else as written. */
  readonly text: string;
  readonly at: Position;
  /** Offsets in the text, to tell `- 1` from `-1`. */
  readonly start: number;
  readonly end: number;
}

export const MAX_CESQL_LENGTH = 65_536;

export function refuse(at: Position, says: string): never {
  throw new RouterError('PATTERN_INVALID', `cesql: ${positionText(at)}: ${says}`, { ...at });
}

const symbols: readonly string[] = ['!=', '<>', '<=', '>=', '=', '<', '>', '+', '-', '*', '/', '%', '(', ')', ','];
/** What other languages write → how to say it here. */
const foreign: readonly (readonly [text: string, says: string])[] = [
  ['==', "write = for 'is equal to'"],
  ['&&', 'write AND'],
  ['||', 'write OR, or CONCAT(a, b) to join strings'],
  ['!', 'write NOT'],
  ['.', 'attribute names have letters and digits only, and CESQL cannot look into the data'],
];

function endOfWord(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const letter = (unit | 32) >= 97 && (unit | 32) <= 122;
    if (!letter && !(unit >= 48 && unit <= 57) && unit !== 95) break;
  }
  return at;
}

/** Offset after the closing quote, or -1. */
function endOfString(text: string, from: number): number {
  const quote = text[from];
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at + 1;
  }
  return -1;
}

/** Between the quotes; only \ before the string's own kind of quote is an escape. */
function unquoted(written: string): string {
  const inside = written.slice(1, -1);
  if (!inside.includes('\\')) return inside;
  const quote = written[0]!;
  let value = '';
  for (let at = 0; at < inside.length; at++) {
    if (inside[at] === '\\') {
      at++;
      if (inside[at] !== quote) value += '\\';
    }
    value += inside[at];
  }
  return value;
}

/** Where an offset is; offsets must come in ascending order, so that a long text is walked once. */
function positions(text: string): (offset: number) => Position {
  let line = 1;
  let lineStart = 0;
  let lineEnd = text.indexOf('\n');
  return (offset) => {
    while (lineEnd !== -1 && offset > lineEnd) {
      line++;
      lineStart = lineEnd + 1;
      lineEnd = text.indexOf('\n', lineStart);
    }
    return { line, column: offset - lineStart + 1 };
  };
}

function checkText(text: string): void {
  const start = { line: 1, column: 1 };
  if (text.length > MAX_CESQL_LENGTH) {
    refuse(start, `the text has ${text.length} characters, at most ${MAX_CESQL_LENGTH} are read; split the rule`);
  }
  if (!text.isWellFormed()) refuse(start, 'the text has a lone surrogate, which no event can carry');
}

function unexpected(text: string, start: number): string {
  const known = foreign.find(([written]) => text.startsWith(written, start));
  if (known !== undefined) return `'${known[0]}' is not CESQL; ${known[1]}`;
  const character = String.fromCodePoint(text.codePointAt(start)!);
  return `unexpected character ${show(character)}; allowed: words, numbers, strings in ' or ", and ${symbols.join(' ')}`;
}

function tokenAt(text: string, start: number, at: Position): Token {
  const first = text[start]!;
  if (first === "'" || first === '"') {
    const end = endOfString(text, start);
    if (end === -1)
      refuse(at, `the string that begins here has no closing ${first}; write \\${first} for one inside it`);
    return { kind: 'string', text: unquoted(text.slice(start, end)), at, start, end };
  }
  const end = endOfWord(text, start);
  if (end > start) {
    const written = text.slice(start, end);
    const upper = written.toUpperCase();
    if (keywords.includes(upper)) return { kind: 'keyword', text: upper, at, start, end };
    return { kind: /^[0-9]+$/.test(written) ? 'integer' : 'word', text: written, at, start, end };
  }
  const symbol = text.startsWith('==', start) ? undefined : symbols.find((one) => text.startsWith(one, start));
  if (symbol === undefined) refuse(at, unexpected(text, start));
  return { kind: 'symbol', text: symbol, at, start, end: start + symbol.length };
}

/** Always ends in an `end` token. */
export function tokenize(text: string): readonly Token[] {
  checkText(text);
  const positionOf = positions(text);
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < text.length) {
    if (' \t\r\n'.includes(text[offset]!)) {
      offset++;
      continue;
    }
    const token = tokenAt(text, offset, positionOf(offset));
    tokens.push(token);
    offset = token.end;
  }
  return [...tokens, { kind: 'end', text: '', at: positionOf(offset), start: offset, end: offset }];
}
