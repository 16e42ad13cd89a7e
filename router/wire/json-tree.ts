// JSON text to a tree that keeps what JSON.parse throws away: repeated names in their order, and the text of numbers.
// For patterns and for explaining; matching reads bytes (router/match/read-text.ts). Grammar: RFC 8259.

import { show } from '../config.ts';
import { RouterError } from '../errors.ts';

export type JsonTree =
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonTree])[] }
  | { readonly kind: 'list'; readonly items: readonly JsonTree[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'literal'; readonly value: boolean | null };

// Reading is recursive. Far over any pattern or event.
const MAX_DEPTH = 1000;

interface Cursor {
  readonly text: string;
  at: number;
}

function skipSpace(cursor: Cursor): number {
  const { text } = cursor;
  let code = text.charCodeAt(cursor.at);
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++cursor.at);
  return code;
}

function readString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at;
  let end = start + 1;
  let escaped = false;
  for (let code = text.charCodeAt(end); code !== 0x22; code = text.charCodeAt(++end)) {
    if (code === 0x5c) {
      escaped = true;
      end++;
    }
  }
  cursor.at = end + 1;
  return escaped ? (JSON.parse(text.slice(start, end + 1)) as string) : text.slice(start + 1, end);
}

function readNumber(cursor: Cursor): JsonTree {
  const { text } = cursor;
  const start = cursor.at;
  let code = text.charCodeAt(start);
  // Digits, sign, point, exponent: the text is JSON already, so nothing else can follow them.
  while ((code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e || (code | 32) === 0x65) {
    code = text.charCodeAt(++cursor.at);
  }
  return { kind: 'number', text: text.slice(start, cursor.at) };
}

const yes: JsonTree = { kind: 'literal', value: true };
const no: JsonTree = { kind: 'literal', value: false };
const nothing: JsonTree = { kind: 'literal', value: null };

function readList(cursor: Cursor, depth: number): JsonTree {
  const items: JsonTree[] = [];
  cursor.at++;
  while (skipSpace(cursor) !== 0x5d) {
    items.push(readValue(cursor, depth + 1));
    if (skipSpace(cursor) === 0x2c) cursor.at++;
  }
  cursor.at++;
  return { kind: 'list', items };
}

function readObject(cursor: Cursor, depth: number): JsonTree {
  const members: (readonly [string, JsonTree])[] = [];
  cursor.at++;
  while (skipSpace(cursor) !== 0x7d) {
    const name = readString(cursor);
    skipSpace(cursor);
    cursor.at++;
    skipSpace(cursor);
    members.push([name, readValue(cursor, depth + 1)]);
    if (skipSpace(cursor) === 0x2c) cursor.at++;
  }
  cursor.at++;
  return { kind: 'object', members };
}

function readValue(cursor: Cursor, depth: number): JsonTree {
  if (depth > MAX_DEPTH) throw new RouterError('NOT_JSON', `the JSON is nested deeper than ${MAX_DEPTH} levels`);
  switch (cursor.text.charCodeAt(cursor.at)) {
    case 0x7b:
      return readObject(cursor, depth);
    case 0x5b:
      return readList(cursor, depth);
    case 0x22:
      return { kind: 'string', value: readString(cursor) };
    case 0x74:
      cursor.at += 4;
      return yes;
    case 0x66:
      cursor.at += 5;
      return no;
    case 0x6e:
      cursor.at += 4;
      return nothing;
    default:
      return readNumber(cursor);
  }
}

/** The error of a text that JSON.parse refused: where, but nothing of the text, which is a stranger's. */
export function notJson(cause: unknown): RouterError {
  const says = cause instanceof Error ? cause.message : '';
  const where = /at position (\d+)/.exec(says)?.[1];
  const ended = says.includes('end of JSON') || says.includes('Unterminated');
  const place =
    where === undefined ? (ended ? ': it ends too early' : '') : `: the character at position ${where} is wrong`;
  return new RouterError('NOT_JSON', `this is not JSON${place}`, { cause });
}

/** Throws NOT_JSON. */
export function readJsonTree(text: string): JsonTree {
  try {
    // Judges the grammar once and natively; what is read below may then trust the text.
    JSON.parse(text);
  } catch (cause) {
    throw notJson(cause);
  }
  const cursor = { text, at: 0 };
  skipSpace(cursor);
  return readValue(cursor, 0);
}

interface RawJson {
  readonly rawJSON: string;
}

/** A number that no double carries, kept as its text by JSON.rawJSON. */
export function isRawNumber(value: unknown): value is RawJson {
  const { isRawJSON } = JSON as unknown as { isRawJSON: (value: unknown) => boolean };
  return isRawJSON(value) && /^[-\d]/.test((value as RawJson).rawJSON);
}

/** Told of each value that is not JSON, such as undefined or NaN, with its path. */
export type OnForeign = (path: string, value: unknown) => void;

/**
 * The tree of a value that was never text. What is not JSON goes to `onForeign` and is left out of the tree. The value
 * must not be deeper than the stack allows; numbers have the text that JSON.stringify gives them.
 */
export function treeOf(value: unknown, path: string, onForeign: OnForeign): JsonTree | undefined {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number' && Number.isFinite(value)) return { kind: 'number', text: String(value) };
  if (typeof value === 'boolean') return value ? yes : no;
  if (value === null) return nothing;
  if (typeof value !== 'object') {
    onForeign(path, value);
    return undefined;
  }
  if (isRawNumber(value)) return { kind: 'number', text: value.rawJSON };
  if (Array.isArray(value)) {
    const items = Array.from(value, (item: unknown, i) => treeOf(item, `${path}[${i}]`, onForeign));
    return { kind: 'list', items: items.filter((item) => item !== undefined) };
  }
  const members: (readonly [string, JsonTree])[] = [];
  for (const [name, member] of Object.entries(value)) {
    const tree = treeOf(member, `${path}.${name}`, onForeign);
    if (tree !== undefined) members.push([name, tree]);
  }
  return { kind: 'object', members };
}

/** Shows a tree in a message: short, and only its shape when it is not a scalar. */
export function showTree(tree: JsonTree): string {
  switch (tree.kind) {
    case 'object':
      return 'an object';
    case 'list':
      return `a list of ${tree.items.length}`;
    case 'number':
      return tree.text.slice(0, 60);
    default:
      return show(tree.value);
  }
}
