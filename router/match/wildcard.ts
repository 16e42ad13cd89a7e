// Wildcard patterns: * stands for any text, also none; \* and \\ are the star and the backslash themselves. Matching is
// linear in the value: the first place where each literal part fits is the right one, and the search for it never steps
// back. No RegExp, no backtracking.

/** Literal parts between the stars; one part means that there is no star. */
export interface Wildcard {
  readonly parts: readonly string[];
}

/** Reads a wildcard; a text says what is wrong instead. */
export function wildcardOf(text: string): Wildcard | string {
  const parts: string[] = [];
  let part = '';
  for (let at = 0; at < text.length; at++) {
    const unit = text[at]!;
    if (unit === '\\') {
      const next = text[at + 1];
      if (next !== '*' && next !== '\\') return `has \\ at position ${at}, which may only stand before * or \\`;
      part += next;
      at++;
    } else if (unit === '*') {
      if (text[at + 1] === '*') return `has two * in a row at position ${at}; one is enough`;
      parts.push(part);
      part = '';
    } else part += unit;
  }
  parts.push(part);
  return { parts };
}

// Up to here a native search cannot cost more than a small factor; beyond, a value made for it could cost its square.
const SHORT_PART = 16;

/** Knuth, Morris, Pratt: how far the part overlaps itself at each length. */
function overlapsOf(part: string): Int32Array {
  const overlaps = new Int32Array(part.length);
  for (let i = 1, k = 0; i < part.length; i++) {
    while (k > 0 && part.charCodeAt(i) !== part.charCodeAt(k)) k = overlaps[k - 1]!;
    if (part.charCodeAt(i) === part.charCodeAt(k)) k++;
    overlaps[i] = k;
  }
  return overlaps;
}

type Find = (value: string, from: number) => number;

/** The first place of a part at or after `from`, or -1; linear in the value whatever both look like. */
function finderOf(part: string): Find {
  if (part.length <= SHORT_PART) return (value, from) => value.indexOf(part, from);
  const overlaps = overlapsOf(part);
  return (value, from) => {
    for (let at = from, k = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      while (k > 0 && code !== part.charCodeAt(k)) k = overlaps[k - 1]!;
      if (code === part.charCodeAt(k)) k++;
      if (k === part.length) return at - k + 1;
    }
    return -1;
  };
}

/** A wildcard as a function over strings. */
export function wildcardTest({ parts }: Wildcard): (value: string) => boolean {
  const head = parts[0]!;
  if (parts.length === 1) return (value) => value === head;
  const tail = parts.at(-1)!;
  const least = head.length + tail.length;
  if (parts.length === 2) return (value) => value.length >= least && value.startsWith(head) && value.endsWith(tail);
  const middle = parts.slice(1, -1).map((part) => ({ length: part.length, find: finderOf(part) }));
  const [only] = middle;
  if (least === 0 && only !== undefined && middle.length === 1) {
    const { find } = only;
    return (value) => find(value, 0) !== -1;
  }
  return (value) => {
    if (value.length < least || !value.startsWith(head) || !value.endsWith(tail)) return false;
    let at = head.length;
    for (const { length, find } of middle) {
      at = find(value, at);
      if (at === -1) return false;
      at += length;
    }
    return at <= value.length - tail.length;
  };
}
