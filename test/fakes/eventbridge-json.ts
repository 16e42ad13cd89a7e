// JSON as EventBridge reads it: numbers keep their text, repeated names stay, and depth is bounded. A reader of its own, so
// that what the adapter writes is not read by what it was written with. Grammar: RFC 8259.

import { RouterError } from '../../router/errors.ts';

export type Json =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: Json])[] }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'word'; readonly value: boolean | null };

/** "PutEvents will only process nested JSON up to 1000 levels deep." The envelope around Detail is one more. */
const MAX_DEPTH = 1_001;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\r\n]*/y;

interface Reader {
  readonly source: string;
  at: number;
}

function notJson(says: string): never {
  throw new RouterError('NOT_JSON', says);
}

function take(reader: Reader, token: RegExp): string {
  token.lastIndex = reader.at;
  const found = token.exec(reader.source)?.[0];
  if (found === undefined) notJson(`no JSON at ${reader.at}`);
  reader.at += found.length;
  return found;
}

function next(reader: Reader): string {
  take(reader, SPACE);
  return reader.source[reader.at] ?? '';
}

function expect(reader: Reader, symbol: string): void {
  if (next(reader) !== symbol) notJson(`no ${symbol} at ${reader.at}`);
  reader.at++;
}

/** What stands between an opening and a closing sign, with commas between. */
function readList(reader: Reader, close: string, readItem: () => void): void {
  reader.at++;
  if (next(reader) !== close) {
    for (;;) {
      readItem();
      if (next(reader) !== ',') break;
      reader.at++;
    }
  }
  expect(reader, close);
}

function readString(reader: Reader): string {
  next(reader);
  return JSON.parse(take(reader, STRING)) as string;
}

function readWord(reader: Reader): Json {
  for (const [word, value] of [['true', true] as const, ['false', false] as const, ['null', null] as const]) {
    if (!reader.source.startsWith(word, reader.at)) continue;
    reader.at += word.length;
    return { kind: 'word', value };
  }
  return { kind: 'number', text: take(reader, NUMBER) };
}

function readValue(reader: Reader, depth: number): Json {
  if (depth > MAX_DEPTH) notJson('too deep');
  const first = next(reader);
  if (first === '"') return { kind: 'string', text: readString(reader) };
  if (first === '[') {
    const items: Json[] = [];
    readList(reader, ']', () => items.push(readValue(reader, depth + 1)));
    return { kind: 'array', items };
  }
  if (first !== '{') return readWord(reader);
  const members: (readonly [string, Json])[] = [];
  readList(reader, '}', () => {
    const name = readString(reader);
    expect(reader, ':');
    members.push([name, readValue(reader, depth + 1)]);
  });
  return { kind: 'object', members };
}

/** Undefined when the text is not one JSON value. */
export function readJson(source: string): Json | undefined {
  const reader = { source, at: 0 };
  try {
    const value = readValue(reader, 1);
    return next(reader) === '' && reader.at === source.length ? value : undefined;
  } catch (thrown) {
    if (thrown instanceof RouterError) return undefined;
    throw thrown;
  }
}

/** Every number's text, wherever it stands. */
export function* numbersIn(value: Json): Generator<string> {
  if (value.kind === 'number') yield value.text;
  else if (value.kind === 'array') for (const item of value.items) yield* numbersIn(item);
  else if (value.kind === 'object') for (const [, member] of value.members) yield* numbersIn(member);
}
