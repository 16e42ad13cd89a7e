// The tests of a rule on one event attribute → tests on the message attribute `ce-<name>`, which holds its text. Every
// answer lets through what the rule takes; `loss` says what it lets through besides, and is absent where it is exact. Pure.
// A message attribute has no type: the text 5 may be the number or the string, so what sets them apart is never pushed.

import { isAttributeString } from '../../router/event.ts';
import { ipOf } from '../../router/match/ip.ts';
import { wildcardOf } from '../../router/match/wildcard.ts';
import type { Leaf, NegatedTest, Test } from '../../router/pattern.ts';
import { allOf, always, anyOf, isNever, never, type Term, textOf } from './filter-term.ts';

/** What a filter cannot say, and what to write so that it can. */
export interface Loss {
  readonly says: string;
  readonly fix: string;
}

export interface Claim {
  readonly term: Term;
  /** Absent where `term` is the whole test. */
  readonly loss?: Loss;
}

const WHOLE = 'ask for whole texts, for a prefix or for exists';
const INTO_ATTRIBUTE = 'give the events an extension attribute that holds it, and ask for that';

export function lossOf(says: string, fix = WHOLE): Loss {
  return { says, fix };
}

/** Attributes that are strings in every event, and never empty. */
const STRINGS = new Set(['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema']);
const REQUIRED = new Set(['specversion', 'id', 'source', 'type']);

export const requiredKeys: ReadonlySet<string> = new Set([...REQUIRED].map((name) => `ce-${name}`));

export const isRequired = (name: string): boolean => REQUIRED.has(name);
export const isString = (name: string): boolean => STRINGS.has(name);
export const keyOf = (name: string): string => `ce-${name}`;

const ATTRIBUTE = /^[a-z0-9]+$/;

export type Place = 'attribute' | 'data' | 'dataref' | 'nowhere';

/** Where in an event this path leads. Attributes are flat, and `data` is no attribute. */
export function placeOf(path: string): Place {
  if (path === 'data' || path.startsWith('data.')) return 'data';
  if (path === 'dataref') return 'dataref';
  return ATTRIBUTE.test(path) ? 'attribute' : 'nowhere';
}

/** Whether a filter can hold the text: the empty one is not surely taken, others stand in no event. */
export function isPlainText(text: string): boolean {
  return text !== '' && isAttributeString(text);
}

const INTEGER = /^-?[0-9]+$/;
const INTEGER_START = /^-?[0-9]*$/;

/** Whether the text of a number or a boolean can be this. */
export function looksTyped(text: string): boolean {
  return INTEGER.test(text) || text === 'true' || text === 'false';
}

export function beginsTyped(prefix: string): boolean {
  return INTEGER_START.test(prefix) || 'true'.startsWith(prefix) || 'false'.startsWith(prefix);
}

export function presence(name: string): Term {
  return isRequired(name) ? always : { kind: 'has', key: keyOf(name) };
}

function absence(name: string): Term {
  return isRequired(name) ? never : { kind: 'absent', key: keyOf(name) };
}

function onlyPresent(name: string, says: string): Claim {
  return { term: presence(name), loss: lossOf(says) };
}

const exactly = (term: Term): Claim => ({ term });
const noTypes: Loss = {
  says: 'a message attribute does not tell a number or a boolean from its text',
  fix: 'let the attribute hold texts that are neither a number nor true or false',
};
const FOREIGN_TEXT = 'a filter does not compare with this text';
const NO_END = 'a filter has hasPrefix, but nothing for the end of a text';
const NO_CASE = 'a filter tells capitals from small letters';

function textClaim(name: string, value: string): Claim {
  if (!isPlainText(value)) return onlyPresent(name, FOREIGN_TEXT);
  const term: Term = { kind: 'is', key: keyOf(name), value };
  return isString(name) || !looksTyped(value) ? { term } : { term, loss: noTypes };
}

function prefixClaim(name: string, value: string): Claim {
  if (value === '' && isString(name)) return exactly(presence(name));
  if (!isPlainText(value)) return onlyPresent(name, FOREIGN_TEXT);
  const term: Term = { kind: 'prefix', key: keyOf(name), value };
  return isString(name) || !beginsTyped(value) ? { term } : { term, loss: noTypes };
}

function typedClaim(name: string, value: number | boolean): Claim {
  // The attributes of the specification are strings; an extension may also be an integer of 32 bits or a boolean.
  if (isString(name) || (typeof value === 'number' && !Number.isInteger(value))) return exactly(never);
  return { term: { kind: 'is', key: keyOf(name), value: String(value) }, loss: noTypes };
}

function equalsClaim(name: string, value: string | number | boolean | null): Claim {
  if (value === null) return exactly(never); // a null attribute is an absent one
  if (typeof value !== 'string') return typedClaim(name, value);
  if (ipOf(value) !== undefined) return onlyPresent(name, 'an address has several spellings');
  return textClaim(name, value);
}

function wildcardClaim(name: string, text: string): Claim {
  const wildcard = wildcardOf(text);
  if (typeof wildcard === 'string') return onlyPresent(name, 'the wildcard has a mistake');
  const [head = '', ...rest] = wildcard.parts;
  if (rest.length === 0) return textClaim(name, head);
  const claim = prefixClaim(name, head);
  if (rest.length === 1 && rest[0] === '') return claim;
  return { term: claim.term, loss: lossOf('a filter has no wildcard, only hasPrefix') };
}

function numericClaim(name: string, { bounds }: Extract<Test, { op: 'numeric' }>): Claim {
  if (isString(name)) return exactly(never);
  const [bound] = bounds;
  if (bounds.length === 1 && bound?.op === '=') return typedClaim(name, bound.value);
  return onlyPresent(name, 'a filter does not compare numbers');
}

/** What an anything-but leaves out. `always` where the filter must not leave it out. */
function exclusion(name: string, not: NegatedTest): Claim {
  const skip = (loss: Loss | string): Claim => ({ term: always, loss: typeof loss === 'string' ? lossOf(loss) : loss });
  if (not.op === 'wildcard') {
    const wildcard = wildcardOf(not.value);
    if (typeof wildcard === 'string' || wildcard.parts.length > 1) return skip('a filter has no wildcard');
    return exclusion(name, { op: 'equals', value: wildcard.parts[0]! });
  }
  if (not.op === 'suffix') return skip(NO_END);
  if (not.op === 'equals-ignore-case') return skip(NO_CASE);
  const { value } = not;
  if (typeof value !== 'string') return isString(name) || value === null ? exactly(always) : skip(noTypes);
  if (not.op === 'prefix') {
    if (!isPlainText(value)) return skip(FOREIGN_TEXT);
    if (!isString(name) && beginsTyped(value)) return skip(noTypes);
    return exactly({ kind: 'notPrefix', key: keyOf(name), value });
  }
  if (!isPlainText(value)) return isString(name) ? exactly(always) : skip(FOREIGN_TEXT);
  if (!isString(name) && looksTyped(value)) return skip(noTypes);
  return exactly({ kind: 'isNot', key: keyOf(name), value });
}

function joined(term: Term, claims: readonly Claim[]): Claim {
  const loss = claims.find((claim) => claim.loss !== undefined)?.loss;
  return loss === undefined || isNever(term) ? { term } : { term, loss };
}

export function allClaims(claims: readonly Claim[]): Claim {
  return joined(allOf(claims.map((claim) => claim.term)), claims);
}

export function anyClaims(claims: readonly Claim[]): Claim {
  const term = anyOf(claims.map((claim) => claim.term));
  // One that is exact may take all that the others take.
  const text = textOf(term);
  const covers = claims.some((claim) => claim.loss === undefined && textOf(claim.term) === text);
  return covers ? { term } : joined(term, claims);
}

function testClaim(name: string, test: Test): Claim {
  switch (test.op) {
    case 'equals':
      return equalsClaim(name, test.value);
    case 'exactly':
      return textClaim(name, test.value);
    case 'number-text':
      return exactly(never);
    case 'prefix':
      if (!test.ignoreCase) return prefixClaim(name, test.value);
      return onlyPresent(name, NO_CASE);
    case 'suffix':
      return onlyPresent(name, NO_END);
    case 'equals-ignore-case':
      return onlyPresent(name, NO_CASE);
    case 'wildcard':
      return wildcardClaim(name, test.value);
    case 'cidr':
      return onlyPresent(name, 'a filter does not know address blocks');
    case 'numeric':
      return numericClaim(name, test);
    case 'exists':
      return exactly(test.value ? presence(name) : absence(name));
    case 'anything-but':
      return allClaims([exactly(presence(name)), ...test.not.map((not) => exclusion(name, not))]);
  }
}

/** The tests of one path, of which any may hold. */
export function leafClaim(path: string, { anyOf: tests }: Leaf): Claim {
  switch (placeOf(path)) {
    case 'data':
      return { term: always, loss: lossOf('it lies in the data, which filters do not see', INTO_ATTRIBUTE) };
    case 'dataref':
      return { term: always, loss: lossOf('it may stand for data that was taken out', 'ask for another attribute') };
    case 'attribute':
      return anyClaims(tests.map((test) => testClaim(path, test)));
    case 'nowhere':
      // No event has it, so only its absence can hold.
      return exactly(tests.some((test) => test.op === 'exists' && !test.value) ? always : never);
  }
}
