// Steps over JSON text as bytes and holds all of it to the grammar of RFC 8259, so that nothing is matched that a JSON
// parser would refuse. Each step answers the offset behind what it stepped over, or a negative number.
// UTF-8 is judged apart (isUtf8 is native and faster).

/** The answers of a step that is no offset: the text is broken, or too deep to judge by recursion. */
export const BROKEN = -1;
export const TOO_DEEP = -2;

// Deeper texts are judged by the native parser; see readText.
export const MAX_DEPTH = 200;

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
const COLON = 0x3a;

// Classes of a byte inside a string.
const PLAIN = 0;
const END = 1;
const ESCAPE = 2;
const HIGH = 3;
const CONTROL = 4;
const inString = new Uint8Array(256);
inString.fill(CONTROL, 0, 0x20);
inString.fill(HIGH, 0x80);
inString[QUOTE] = END;
inString[BACKSLASH] = ESCAPE;

const isEscape = new Uint8Array(256);
for (const code of Buffer.from('"\\/bfnrt', 'latin1')) isEscape[code] = 1;
const isHex = new Uint8Array(256);
for (const code of Buffer.from('0123456789abcdefABCDEF', 'latin1')) isHex[code] = 1;

/** What the last string had, for who reads it: ESCAPED, HIGH_BYTES. The scanner is synchronous and not re-entered. */
export const saw = new Uint8Array(3);
export const ESCAPED = 0;
export const HIGH_BYTES = 1;
/** Not only of the last string: kept until it is set back. */
export const ANY_HIGH_BYTES = 2;

/** `at` is behind the opening quote; the answer is behind the closing one. */
export function afterString(text: Buffer, from: number): number {
  const { length } = text;
  saw[ESCAPED] = 0;
  saw[HIGH_BYTES] = 0;
  let at = from;
  while (at < length) {
    const kind = inString[text[at++]!]!;
    if (kind === PLAIN) continue;
    if (kind === END) return at;
    if (kind === HIGH) saw[HIGH_BYTES] = saw[ANY_HIGH_BYTES] = 1;
    else if (kind === CONTROL) return BROKEN;
    else {
      saw[ESCAPED] = 1;
      const code = text[at++];
      if (code === undefined) return BROKEN;
      if (code === 0x75) {
        if (at + 4 > length) return BROKEN;
        if ((isHex[text[at]!]! & isHex[text[at + 1]!]! & isHex[text[at + 2]!]! & isHex[text[at + 3]!]!) === 0)
          return BROKEN;
        at += 4;
      } else if (isEscape[code] === 0) return BROKEN;
    }
  }
  return BROKEN;
}

function afterDigits(text: Buffer, from: number): number {
  const { length } = text;
  let at = from;
  while (at < length) {
    const code = text[at]!;
    if (code < 0x30 || code > 0x39) break;
    at++;
  }
  return at;
}

/** `at` is at the sign or the first digit. */
export function afterNumber(text: Buffer, from: number): number {
  const { length } = text;
  let at = from;
  if (text[at] === 0x2d) at++;
  if (at >= length) return BROKEN;
  const first = text[at]!;
  if (first === 0x30) at++;
  else if (first > 0x30 && first <= 0x39) at = afterDigits(text, at + 1);
  else return BROKEN;
  if (at >= length) return at;
  let code = text[at]!;
  if (code === 0x2e) {
    const digits = at + 1;
    at = afterDigits(text, digits);
    if (at === digits || at >= length) return at === digits ? BROKEN : at;
    code = text[at]!;
  }
  if ((code | 0x20) === 0x65) {
    let digits = at + 1;
    if (text[digits] === 0x2b || text[digits] === 0x2d) digits++;
    at = afterDigits(text, digits);
    if (at === digits) return BROKEN;
  }
  return at;
}

export function afterSpace(text: Buffer, from: number): number {
  const { length } = text;
  let at = from;
  while (at < length) {
    const code = text[at]!;
    if (code > 0x20 || (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)) break;
    at++;
  }
  return at;
}

export function afterWord(text: Buffer, at: number): number {
  const { length } = text;
  if (at + 4 > length) return BROKEN;
  const second = text[at + 1]!;
  const third = text[at + 2]!;
  const fourth = text[at + 3]!;
  switch (text[at]) {
    case 0x74:
      return second === 0x72 && third === 0x75 && fourth === 0x65 ? at + 4 : BROKEN;
    case 0x6e:
      return second === 0x75 && third === 0x6c && fourth === 0x6c ? at + 4 : BROKEN;
    case 0x66:
      return second === 0x61 && third === 0x6c && fourth === 0x73 && text[at + 4] === 0x65 ? at + 5 : BROKEN;
    default:
      return BROKEN;
  }
}

/** Steps over a value that no rule names, judging it. */
export function afterAny(text: Buffer, at: number, depth: number): number {
  if (at >= text.length) return BROKEN;
  const code = text[at]!;
  if (code === QUOTE) return afterString(text, at + 1);
  if (code === 0x7b) return depth >= MAX_DEPTH ? TOO_DEEP : afterObject(text, at, depth);
  if (code === 0x5b) return depth >= MAX_DEPTH ? TOO_DEEP : afterList(text, at, depth);
  if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return afterNumber(text, at);
  return afterWord(text, at);
}

function afterList(text: Buffer, open: number, depth: number): number {
  let at = afterSpace(text, open + 1);
  if (text[at] === 0x5d) return at + 1;
  for (;;) {
    at = afterAny(text, at, depth + 1);
    if (at < 0) return at;
    if (text[at] !== COMMA) at = afterSpace(text, at);
    if (text[at] === 0x5d) return at + 1;
    if (text[at] !== COMMA) return BROKEN;
    at = afterSpace(text, at + 1);
  }
}

/** From behind a name to its value, or BROKEN. */
export function afterColon(text: Buffer, from: number): number {
  const at = text[from] === COLON ? from : afterSpace(text, from);
  if (text[at] !== COLON) return BROKEN;
  return afterSpace(text, at + 1);
}

function afterObject(text: Buffer, open: number, depth: number): number {
  let at = afterSpace(text, open + 1);
  if (text[at] === 0x7d) return at + 1;
  for (;;) {
    if (text[at] !== QUOTE) return BROKEN;
    at = afterString(text, at + 1);
    if (at < 0) return at;
    at = afterColon(text, at);
    if (at < 0) return at;
    at = afterAny(text, at, depth + 1);
    if (at < 0) return at;
    if (text[at] !== COMMA) at = afterSpace(text, at);
    if (text[at] === 0x7d) return at + 1;
    if (text[at] !== COMMA) return BROKEN;
    at = afterSpace(text, at + 1);
  }
}
