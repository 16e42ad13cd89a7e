// What a rule wants of one attribute, whatever dialect it was written in: whether the attribute may be absent, and which
// texts, integers and booleans it takes. Union, intersection and complement are exact. What no valid CloudEvent can hold is
// left out, so that equal wishes look alike.
// Source: cloudevents/spec ce@v1.0.2, sections 2.3 and 3.

import { hasInteger, type IntegerSet } from './integer-set.ts';
import { integersIn, integersOf } from './integer-text.ts';
import {
  allOfTexts,
  anyOfTexts,
  everyText,
  foldedTexts,
  hasText,
  integerTexts,
  listedTexts,
  noText,
  otherTexts,
  type TextSet,
  withListed,
} from './text-set.ts';

export interface Values {
  readonly absent: boolean;
  readonly text: TextSet;
  /** By their decimal text. */
  readonly integers: TextSet;
  readonly yes: boolean;
  readonly no: boolean;
}

export interface Claim extends Values {
  readonly kind: 'claim';
  readonly name: string;
  /** The clauses that this was made of, as they were written. */
  readonly said: readonly string[];
  /** Equal keys: equal claims. */
  readonly key: string;
}

const required: readonly string[] = ['specversion', 'id', 'source', 'type'];
const core: readonly string[] = [...required, 'subject', 'time', 'datacontenttype', 'dataschema'];
const NAME = /^[a-z0-9]+$/;

export function isAttributeName(name: string): boolean {
  return NAME.test(name) && name !== 'data';
}

/** In every event, so that nobody needs to ask. */
export function isAlwaysThere(name: string): boolean {
  return required.includes(name);
}

/** Attributes that are text in every event, never an integer or a boolean. */
export function isAlwaysText(name: string): boolean {
  return core.includes(name);
}

const nothing: Values = { absent: false, text: noText, integers: noText, yes: false, no: false };

/** As far as an attribute of this name can hold it. */
function possible(name: string, values: Values): Values {
  if (!isAttributeName(name)) return { ...nothing, absent: values.absent };
  if (name === 'specversion') return { ...nothing, text: hasText(values.text, '1.0') ? everyText : noText };
  if (!isAlwaysText(name)) return { ...values, integers: integersOf(values.integers) };
  const absent = values.absent && !isAlwaysThere(name);
  // Never empty: leaving it out of every list keeps equal claims alike.
  const text = withListed(values.text, (listed) =>
    listed.values.has('')
      ? listedTexts(
          [...listed.values].filter((one) => one !== ''),
          listed.but,
        )
      : listed,
  );
  return { ...nothing, absent, text };
}

export function claimOf(name: string, values: Partial<Values>, said: readonly string[]): Claim {
  const { absent, text, integers, yes, no } = possible(name, { ...nothing, ...values });
  const key = [name, absent, text.key, integers.key, yes, no].join('\0');
  return { kind: 'claim', name, absent, text, integers, yes, no, said, key };
}

const anyValue: Values = { absent: false, text: everyText, integers: everyText, yes: true, no: true };

/** The attribute is there, whatever it holds. */
export function presentClaim(name: string, said: readonly string[]): Claim {
  return claimOf(name, anyValue, said);
}

export function absentClaim(name: string, said: readonly string[]): Claim {
  return claimOf(name, { absent: true }, said);
}

/** Every value by its text: what a dialect takes that knows no types. */
export function asText(name: string, text: TextSet, said: readonly string[]): Claim {
  const booleans = { yes: hasText(text, 'true'), no: hasText(text, 'false') };
  return claimOf(name, { text, integers: integersOf(text), ...booleans }, said);
}

/** Every value as the integer that CESQL casts it to; what it cannot cast is not taken. */
export function asInteger(name: string, set: IntegerSet, said: readonly string[]): Claim {
  const booleans = { yes: hasInteger(set, 1), no: hasInteger(set, 0) };
  return claimOf(name, { text: integerTexts(set), integers: integersIn(set), ...booleans }, said);
}

/** Every value as the boolean that CESQL casts it to. */
export function asBoolean(name: string, value: boolean, said: readonly string[]): Claim {
  const text = foldedTexts('equals-ignore-case', String(value));
  return claimOf(name, { text, integers: listedTexts(['0'], value), yes: value, no: !value }, said);
}

/** For messages: the clauses it was made of. */
export function saidText({ said }: Claim): string {
  return said.join(', ');
}

function joinSaid(claims: readonly Claim[]): readonly string[] {
  return [...new Set(claims.flatMap(({ said }) => said))];
}

/** Of one attribute all. */
export function anyOfClaims(claims: readonly Claim[]): Claim {
  const values = {
    absent: claims.some(({ absent }) => absent),
    text: anyOfTexts(claims.map(({ text }) => text)),
    integers: anyOfTexts(claims.map(({ integers }) => integers)),
    yes: claims.some(({ yes }) => yes),
    no: claims.some(({ no }) => no),
  };
  return claimOf(claims[0]!.name, values, joinSaid(claims));
}

/** Of one attribute all. */
export function allOfClaims(claims: readonly Claim[]): Claim {
  const values = {
    absent: claims.every(({ absent }) => absent),
    text: allOfTexts(claims.map(({ text }) => text)),
    integers: allOfTexts(claims.map(({ integers }) => integers)),
    yes: claims.every(({ yes }) => yes),
    no: claims.every(({ no }) => no),
  };
  return claimOf(claims[0]!.name, values, joinSaid(claims));
}

export function otherClaim({ name, absent, text, integers, yes, no, said }: Claim): Claim {
  const values = { absent: !absent, text: otherTexts(text), integers: otherTexts(integers), yes: !yes, no: !no };
  const negated = said.map((one) => (one.startsWith('not ') ? one.slice(4) : `not ${one}`));
  return claimOf(name, values, negated);
}

/** Without the absence that it may take. */
export function presentPart(claim: Claim): Claim {
  return claim.absent ? claimOf(claim.name, { ...claim, absent: false }, claim.said) : claim;
}

export function isNever(claim: Claim): boolean {
  return claim.key === claimOf(claim.name, {}, []).key;
}

/** Takes whatever an event has there, also nothing. */
export function isWhole(claim: Claim): boolean {
  return claim.key === claimOf(claim.name, { ...anyValue, absent: true }, []).key;
}

/** Takes any value, but not that there is none. */
export function isPresence(claim: Claim): boolean {
  return claim.key === presentClaim(claim.name, []).key;
}
