// Finds where things stand in a JSON text, so that data travels as the bytes that came. Only for bytes that JSON.parse
// has accepted already: nothing is validated here. No recursion, so depth costs nothing.
// Grammar: RFC 8259.

const TAB = 0x09;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Offsets of one member: the name without its quotes, the colon, the value, and the comma or brace that follows it. */
export interface Member {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly colon: number;
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === TAB) at++;
  return at;
}

function afterString(bytes: Buffer, quote: number): number {
  const { length } = bytes;
  let at = quote + 1;
  while (at < length) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return length;
}

function afterNested(bytes: Buffer, open: number): number {
  const { length } = bytes;
  let depth = 0;
  let at = open;
  while (at < length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = afterString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) return at;
  }
  return length;
}

function afterScalar(bytes: Buffer, start: number): number {
  const { length } = bytes;
  let at = start;
  while (at < length) {
    const byte = bytes[at]!;
    if (byte <= 0x20 || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST) break;
    at++;
  }
  return at;
}

/** The offset behind the value that begins at `start`. Iterative: depth costs no stack. */
export function afterValue(bytes: Buffer, start: number): number {
  const byte = bytes[start];
  if (byte === QUOTE) return afterString(bytes, start);
  if (byte === OPEN_OBJECT || byte === OPEN_LIST) return afterNested(bytes, start);
  return afterScalar(bytes, start);
}

/** `quote` is where the member's name begins. */
function memberAt(bytes: Buffer, quote: number): Member {
  const nameEnd = afterString(bytes, quote) - 1;
  const colon = skipSpace(bytes, nameEnd + 1);
  const start = skipSpace(bytes, colon + 1);
  const end = afterValue(bytes, start);
  return { nameStart: quote + 1, nameEnd, colon, start, end, next: skipSpace(bytes, end) };
}

/** The members of the object whose brace is at `open`, in order, duplicates included; `end` is after its closing brace. */
export function scanObject(bytes: Buffer, open: number): { readonly members: readonly Member[]; readonly end: number } {
  const members: Member[] = [];
  let at = skipSpace(bytes, open + 1);
  while (bytes[at] === QUOTE) {
    const member = memberAt(bytes, at);
    members.push(member);
    at = bytes[member.next] === COMMA ? skipSpace(bytes, member.next + 1) : member.next;
  }
  return { members, end: at + 1 };
}

/** The member's name with its escapes resolved. */
export function memberName(bytes: Buffer, member: Member): string {
  const { nameStart, nameEnd } = member;
  for (let at = nameStart; at < nameEnd; at++) {
    if (bytes[at] === BACKSLASH) return JSON.parse(bytes.toString('utf8', nameStart - 1, nameEnd + 1)) as string;
  }
  return bytes.toString('utf8', nameStart, nameEnd);
}

/** Whether the member's name is `data`, also when written with escapes. */
export function isNamedData(bytes: Buffer, member: Member): boolean {
  const { nameStart: at, nameEnd } = member;
  const length = nameEnd - at;
  if (length === 4)
    return bytes[at] === 0x64 && bytes[at + 1] === 0x61 && bytes[at + 2] === 0x74 && bytes[at + 3] === 0x61;
  // 24: four characters of six bytes, \u0064 and so on.
  return length > 4 && length <= 24 && memberName(bytes, member) === 'data';
}

/** Whether the value is a number with a fraction or an exponent, which JSON.parse may turn into an integer. */
export function isInexactNumber(bytes: Buffer, { start, end }: Member): boolean {
  const first = bytes[start]!;
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return false;
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0x2e || byte === 0x45 || byte === 0x65) return true;
  }
  return false;
}

/** Whether the colon stands after a tab; see encodeStructured. */
export function isTabbed(bytes: Buffer, { nameEnd }: Member): boolean {
  return bytes[nameEnd + 1] === TAB;
}
