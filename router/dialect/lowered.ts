// Texts that LOWER turns into a given one. The fold of patterns takes the same texts, but for two characters outside of
// ASCII that have a lower case inside: the Kelvin sign (k), and the capital I with a dot (i and a combining dot).

import { anyOfTexts, foldedTexts, noText, type TextSet } from './text-set.ts';
import { likeParts } from './text-test.ts';

const KELVIN = '\u212a';
const DOTTED_I = '\u0130';
const ASCII = /^[\x00-\x7f]*$/;
// Each k doubles the list.
const MAX_K = 4;

function variantsOf(text: string): readonly string[] | undefined {
  const pieces = text.split('k');
  if (pieces.length - 1 > MAX_K) return undefined;
  return pieces
    .slice(1)
    .reduce<readonly string[]>(
      (heads, piece) => heads.flatMap((head) => [`${head}k${piece}`, `${head}${KELVIN}${piece}`]),
      [pieces[0]!],
    );
}

function lowered(op: 'equals-ignore-case' | 'prefix' | 'suffix', text: string): TextSet | undefined {
  // LOWER gives no capital letter.
  if (ASCII.test(text) && text !== text.toLowerCase()) return noText;
  const variants = ASCII.test(text) ? variantsOf(text) : undefined;
  if (variants === undefined) return undefined;
  // Its combining dot stands after the end of what is asked for.
  const dotted = op === 'prefix' && text.endsWith('i') ? variants.map((one) => `${one.slice(0, -1)}${DOTTED_I}`) : [];
  return anyOfTexts([...variants, ...dotted].map((one) => foldedTexts(op, one)));
}

/** `LOWER(x) = text`; undefined where no proof is at hand. */
export function loweredEqual(text: string): TextSet | undefined {
  return lowered('equals-ignore-case', text);
}

/** `LOWER(x) LIKE pattern`, for one literal part with at most one % before or after it. */
export function loweredLike(pattern: string): TextSet | undefined {
  const { parts, exact } = likeParts(pattern);
  const [head, tail, more] = parts;
  if (!exact || more !== undefined || head === undefined) return undefined;
  if (tail === undefined) return loweredEqual(head);
  if (tail === '') return lowered('prefix', head);
  return head === '' ? lowered('suffix', tail) : undefined;
}
