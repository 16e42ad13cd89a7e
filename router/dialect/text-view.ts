// A claim as a dialect without types sees it: every value by its text, and, where the dialect can cast, by the integer that
// it reads as. The view takes all that the claim takes; what it takes beyond that is told in words.

import { anyOfClaims, asInteger, asText, type Claim, claimOf, presentPart } from './claim.ts';
import {
  allIntegers,
  commonIntegers,
  countIntegers,
  type IntegerSet,
  joinIntegers,
  otherIntegers,
} from './integer-set.ts';
import { integersIn, integersOf, rangesOf } from './integer-text.ts';
import { anyOfTexts, everyText, hasText, listedTexts, noText, type TextSet } from './text-set.ts';

export interface TextView {
  /** Values whose text is in here, or which cast to one of `integers`. */
  readonly texts: TextSet;
  readonly integers: IntegerSet;
  readonly wider: readonly string[];
}

/** The tests on integers that stand for themselves, apart from the rest. */
function split(set: TextSet): { readonly texts: TextSet; readonly integers: IntegerSet } {
  const parts = set.kind === 'any' ? set.of : [set];
  const cast = parts.flatMap((one) =>
    one.kind === 'test' && one.test.op === 'integer' && !one.not ? [one.test.set] : [],
  );
  const rest = parts.filter((one) => one.kind !== 'test' || one.test.op !== 'integer' || one.not);
  return { texts: hasDeepCast(rest) ? everyText : anyOfTexts([noText, ...rest]), integers: joinIntegers(cast) };
}

/** A test on integers that does not stand for itself cannot be said by itself. */
function hasDeepCast(sets: readonly TextSet[]): boolean {
  return sets.some((set) => {
    if (set.kind === 'test') return set.test.op === 'integer';
    return set.kind !== 'listed' && hasDeepCast(set.of);
  });
}

function example(set: TextSet): string {
  const [first] = set.kind === 'listed' && !set.but ? set.values : [];
  return first ?? '';
}

function textsToo(claim: Claim): string {
  const one = example(claim.integers) || (claim.yes ? 'true' : claim.no ? 'false' : '');
  const few = claim.integers.kind === 'listed' && !claim.integers.but;
  return few && one !== ''
    ? `the text "${one}" is taken as ${one} is`
    : 'text that reads as such a number is taken too';
}

/** In words, what the view takes and the claim does not. */
function difference(view: Claim, claim: Claim): readonly string[] {
  const wider: string[] = [];
  if (view.integers.key !== claim.integers.key) {
    const one = example(view.integers);
    wider.push(one === '' ? 'integers are taken by their text' : `the integer ${one} is taken as the text "${one}" is`);
  }
  if (view.yes !== claim.yes) wider.push('true is taken by its text or its number');
  if (view.no !== claim.no) wider.push('false is taken by its text or its number');
  if (view.text.key !== claim.text.key) wider.push(textsToo(claim));
  return wider.length === 0 ? [] : [`types are not told apart there; wider: ${wider.join(', and ')}`];
}

/** The view of what the claim takes of a value that is there. */
export function textViewOf(whole: Claim): TextView {
  const claim = presentPart(whole);
  const own = split(claim.text);
  const covered = rangesOf(integersOf(own.texts)) ?? [];
  const wanted = rangesOf(claim.integers);
  const exactAnyway = integersOf(own.texts).key === claim.integers.key;
  const missing = exactAnyway
    ? []
    : commonIntegers(wanted ?? allIntegers, otherIntegers(joinIntegers([covered, own.integers])));
  const listed = integersIn(missing);
  const few = listed.kind === 'listed' && !listed.but;
  const integers = few ? own.integers : joinIntegers([own.integers, missing]);
  const booleans = [
    ...(claim.yes && !taken(own.texts, 'true', integers, 1) ? ['true'] : []),
    ...(claim.no && !taken(own.texts, 'false', integers, 0) ? ['false'] : []),
  ];
  const texts = anyOfTexts([own.texts, few ? listed : noText, listedTexts(booleans)]);
  return { texts, integers, wider: difference(viewClaim(claim, texts, integers), claim) };
}

function taken(texts: TextSet, text: string, integers: IntegerSet, value: number): boolean {
  return hasText(texts, text) || countIntegers(commonIntegers(integers, [[value, value]])) > 0;
}

function viewClaim({ name, said }: Claim, texts: TextSet, integers: IntegerSet): Claim {
  const views = [asText(name, texts, said), asInteger(name, integers, said)];
  return anyOfClaims([...views, claimOf(name, {}, said)]);
}
