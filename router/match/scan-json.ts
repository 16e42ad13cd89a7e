// Steps over JSON text and holds all of it to the grammar of RFC 8259, so that nothing is matched that a JSON parser
// would refuse. Each step answers the offset behind what it stepped over, or a negative number. The text lies in one
// fixed array with a zero behind it: with its address and length known to the compiler a step costs half of what it
// costs on a buffer that is passed along (bench rules). UTF-8 is judged apart (isUtf8 is native and faster).

/** Longer texts are not scanned. Room that no text has used yet takes no memory. */
export const MAX_TEXT = 16 * 1024 * 1024;

/** The text at hand. The scanner is synchronous and not re-entered. */
export const text = new Uint8Array(MAX_TEXT + 8);

/** The answers of a step that is no offset: the text is broken, or too deep to be judged by recursion. */
export const BROKEN = -1;
export const TOO_DEEP = -2;

// Deeper texts are judged by the native parser; see readText.
const MAX_DEPTH = 200;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BACKSLASH = 0x5c;
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

/** Whether any string stepped over had an escape, or a byte over 0x7f; set back by who asks. */
export const saw = new Uint8Array(2);
export const ESCAPED = 0;
export const HIGH_BYTES = 1;

/** Takes a text of up to MAX_TEXT bytes. */
export function load(bytes: Uint8Array): void {
  text.set(bytes);
  text[bytes.length] = 0;
  saw[ESCAPED] = 0;
  saw[HIGH_BYTES] = 0;
}

function afterEscape(at: number): number {
  const code = text[at]!;
  if (code !== 0x75) return isEscape[code] === 0 ? BROKEN : at + 1;
  for (let i = 1; i <= 4; i++) if (isHex[text[at + i]!] === 0) return BROKEN;
  return at + 5;
}

/** `from` is behind the opening quote; the answer is behind the closing one. */
export function afterString(from: number): number {
  let at = from;
  for (;;) {
    const kind = inString[text[at++]!]!;
    if (kind === PLAIN) continue;
    if (kind === END) return at;
    if (kind === HIGH) saw[HIGH_BYTES] = 1;
    else if (kind === CONTROL) return BROKEN;
    else {
      saw[ESCAPED] = 1;
      at = afterEscape(at);
      if (at < 0) return at;
    }
  }
}

function afterDigits(from: number): number {
  let at = from;
  while ((text[at]! - 0x30) >>> 0 <= 9) at++;
  return at;
}

/** `from` is at the sign or the first digit. */
export function afterNumber(from: number): number {
  let at = text[from] === 0x2d ? from + 1 : from;
  const first = text[at]! - 0x30;
  if (first >>> 0 > 9) return BROKEN;
  at = first === 0 ? at + 1 : afterDigits(at + 1);
  let code = text[at]!;
  if (code === 0x2e) {
    const digits = at + 1;
    at = afterDigits(digits);
    if (at === digits) return BROKEN;
    code = text[at]!;
  }
  if ((code | 0x20) === 0x65) {
    const sign = text[at + 1]!;
    const digits = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
    at = afterDigits(digits);
    if (at === digits) return BROKEN;
  }
  return at;
}

export function afterSpace(from: number): number {
  let at = from;
  let code = text[at]!;
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text[++at]!;
  return at;
}

/** true, false or null. */
export function afterWord(at: number): number {
  const [second, third, fourth] = [text[at + 1]!, text[at + 2]!, text[at + 3]!];
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

/** Steps over a value, judging it. */
export function afterValue(at: number, depth: number): number {
  const code = text[at]!;
  if (code === QUOTE) return afterString(at + 1);
  if (code === OPEN_OBJECT) return depth < MAX_DEPTH ? afterObject(at, depth) : TOO_DEEP;
  if (code === OPEN_LIST) return depth < MAX_DEPTH ? afterList(at, depth) : TOO_DEEP;
  if (code <= 0x39) return afterNumber(at);
  return afterWord(at);
}

/** From behind a name to its value, or BROKEN. */
export function afterColon(from: number): number {
  let at = from;
  if (text[at] !== COLON) {
    at = afterSpace(at);
    if (text[at] !== COLON) return BROKEN;
  }
  at++;
  return text[at]! <= 0x20 ? afterSpace(at) : at;
}

/** From the opening bracket to what follows it. */
export function afterOpen(open: number): number {
  return text[open + 1]! <= 0x20 ? afterSpace(open + 1) : open + 1;
}

/** From behind a comma to the next member or item; when none follows, whoever reads on finds the text broken. */
export function afterComma(comma: number): number {
  return text[comma + 1]! <= 0x20 ? afterSpace(comma + 1) : comma + 1;
}

// What follows an item is written out in both of these: as one step for both it costs 3 to 25 % on lists (measured).
function afterList(open: number, depth: number): number {
  let at = afterOpen(open);
  if (text[at] === CLOSE_LIST) return at + 1;
  for (;;) {
    at = afterValue(at, depth + 1);
    if (at < 0) return at;
    let code = text[at]!;
    if (code <= 0x20) {
      at = afterSpace(at);
      code = text[at]!;
    }
    if (code === CLOSE_LIST) return at + 1;
    if (code !== COMMA) return BROKEN;
    at = afterComma(at);
  }
}

function afterObject(open: number, depth: number): number {
  let at = afterOpen(open);
  if (text[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    if (text[at] !== QUOTE) return BROKEN;
    at = afterString(at + 1);
    if (at < 0) return at;
    at = afterColon(at);
    if (at < 0) return at;
    at = afterValue(at, depth + 1);
    if (at < 0) return at;
    let code = text[at]!;
    if (code <= 0x20) {
      at = afterSpace(at);
      code = text[at]!;
    }
    if (code === CLOSE_OBJECT) return at + 1;
    if (code !== COMMA) return BROKEN;
    at = afterComma(at);
  }
}
