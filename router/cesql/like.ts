// LIKE patterns: % stands for any text, also none; _ for one character, which is a code point; \% and \_ for themselves.
// Each piece between two % is placed where it first fits and never moved again. A pattern without _ is linear in the value;
// with one, a character of the value costs at most 64 steps or a thirty-second of the piece's length. No RegExp.
// Source: cloudevents/spec cesql@v1.0.0, section 3.4.3.

import { wildcardTest } from '../match/wildcard.ts';

/** The literal parts of what stands between two %, which a _ divides. */
type Piece = readonly string[];

function piecesOf(pattern: string): readonly Piece[] {
  const pieces: string[][] = [];
  let piece: string[] = [];
  let part = '';
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern[at]!;
    if (unit === '%' || unit === '_') {
      piece.push(part);
      part = '';
      if (unit === '_') continue;
      pieces.push(piece);
      piece = [];
    } else if (unit === '\\' && (pattern[at + 1] === '%' || pattern[at + 1] === '_')) part += pattern[++at]!;
    else part += unit;
  }
  piece.push(part);
  pieces.push(piece);
  return pieces;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** Where a piece that begins at `at` ends, or -1. */
function endOf(piece: Piece, value: string, at: number): number {
  let end = at;
  for (const [i, part] of piece.entries()) {
    if (i > 0) {
      if (end >= value.length) return -1;
      end += isHigh(value.charCodeAt(end)) && isLow(value.charCodeAt(end + 1)) ? 2 : 1;
    }
    if (!value.startsWith(part, end)) return -1;
    end += part.length;
  }
  return end;
}

/** Where a piece that ends with the value begins, or -1. */
function startOfTail(piece: Piece, value: string): number {
  let start = value.length;
  for (let i = piece.length - 1; i >= 0; i--) {
    const part = piece[i]!;
    if (!value.endsWith(part, start)) return -1;
    start -= part.length;
    if (i === 0) return start;
    if (start <= 0) return -1;
    start -= isLow(value.charCodeAt(start - 1)) && isHigh(value.charCodeAt(start - 2)) ? 2 : 1;
  }
  return start;
}

/** The end of the first place at or after `from` where the piece fits, or -1. */
type Find = (value: string, from: number) => number;

function tryEachPlace(piece: Piece): Find {
  const head = piece[0]!;
  return (value, from) => {
    for (let at = value.indexOf(head, from); at !== -1; at = value.indexOf(head, at + 1)) {
      const end = endOf(piece, value, at);
      if (end !== -1) return end;
      // An empty head is found at the value's end for ever.
      if (at === value.length) return -1;
    }
    return -1;
  };
}

interface Bits {
  /** The places of the piece that any character fits. */
  readonly any: Int32Array;
  /** By code point the places it fits: word, bits, word, bits, … */
  readonly own: ReadonlyMap<number, readonly number[]>;
  readonly last: number;
}

function bitsOf(piece: Piece): Bits {
  const characters = piece.flatMap((part, i) => [...(i === 0 ? [] : [undefined]), ...part]);
  const any = new Int32Array(Math.ceil(characters.length / 32));
  const own = new Map<number, number[]>();
  for (const [i, character] of characters.entries()) {
    const word = i >>> 5;
    const bit = 1 << (i & 31);
    if (character === undefined) any[word]! |= bit;
    else {
      const places = own.get(character.codePointAt(0)!) ?? [];
      if (places.at(-2) === word) places.push(places.pop()! | bit);
      else places.push(word, bit);
      own.set(character.codePointAt(0)!, places);
    }
  }
  return { any, own, last: 1 << ((characters.length - 1) & 31) };
}

/** Shift-and (Baeza-Yates and Gonnet): bit i is set where the characters up to here fit the piece up to its place i. */
function tryAllPlacesAtOnce(piece: Piece): Find {
  const { any, own, last } = bitsOf(piece);
  return (value, from) => {
    const state = new Int32Array(any.length);
    for (let at = from; at < value.length; ) {
      const code = value.codePointAt(at)!;
      at += code > 0xffff ? 2 : 1;
      const places = own.get(code) ?? [];
      for (let word = 0, next = 0, carry = 1; word < any.length; word++) {
        let fits = any[word]!;
        if (places[next] === word) {
          fits |= places[next + 1]!;
          next += 2;
        }
        const before = state[word]!;
        state[word] = ((before << 1) | carry) & fits;
        carry = before >>> 31;
      }
      if ((state.at(-1)! & last) !== 0) return at;
    }
    return -1;
  };
}

// Below, what each place costs is little, and most are passed over by the native search for the part before the first _.
const SHORT_PIECE = 64;

function finderOf(piece: Piece): Find {
  const length = piece.reduce((sum, part) => sum + part.length, piece.length - 1);
  return length <= SHORT_PIECE ? tryEachPlace(piece) : tryAllPlacesAtOnce(piece);
}

/** A pattern as a function over strings. */
export function likeTest(pattern: string): (value: string) => boolean {
  const pieces = piecesOf(pattern);
  if (pieces.every((piece) => piece.length === 1)) return wildcardTest({ parts: pieces.map(([part]) => part!) });
  const head = pieces[0]!;
  if (pieces.length === 1) return (value) => endOf(head, value, 0) === value.length;
  const tail = pieces.at(-1)!;
  const middle = pieces
    .slice(1, -1)
    .filter((piece) => piece.length > 1 || piece[0] !== '')
    .map(finderOf);
  return (value) => {
    let at = endOf(head, value, 0);
    const tailStart = startOfTail(tail, value);
    if (at === -1 || tailStart === -1) return false;
    for (const find of middle) {
      at = find(value, at);
      if (at === -1) return false;
    }
    return at <= tailStart;
  };
}
