// A pattern as a formula of claims on attributes. Clauses on the data stay open: no other dialect sees the data. Never
// narrower: a clause left open counts as true.

import { wildcardOf } from '../match/wildcard.ts';
import type { Leaf, NegatedTest, Pattern, Test } from '../pattern.ts';
import { testJson } from '../pattern-json.ts';
import { expand, subRulesOf } from '../sub-rule.ts';
import { type Claim, claimOf, type Values } from './claim.ts';
import { allOf, anyOf, type Formula, openClause } from './formula.ts';
import { allIntegers, commonIntegers, type IntegerSet, integersBetween } from './integer-set.ts';
import { integersIn } from './integer-text.ts';
import { lossyClause } from './lossy.ts';
import {
  anyOfTexts,
  everyText,
  foldedTexts,
  listedTexts,
  noText,
  otherTexts,
  type TextSet,
  textsEqual,
  textsInCidr,
  textsOfParts,
} from './text-set.ts';
import { leafText } from './write-pattern.ts';

type Numeric = Extract<Test, { op: 'numeric' }>;

function integersWithin({ bounds }: Numeric): IntegerSet {
  return bounds.reduce<IntegerSet>((set, { op, value }) => {
    // An open end at a number leaves out that number alone.
    const above = op === '>' && Number.isInteger(value) ? value + 1 : value;
    const below = op === '<' && Number.isInteger(value) ? value - 1 : value;
    if (op === '=') return commonIntegers(set, integersBetween(value, value));
    const bound = op.startsWith('>') ? integersBetween(above, Infinity) : integersBetween(-Infinity, below);
    return commonIntegers(set, bound);
  }, allIntegers);
}

function textsOfWildcard(text: string): TextSet {
  const wildcard = wildcardOf(text);
  return typeof wildcard === 'string' ? noText : textsOfParts(wildcard.parts);
}

function textsOfNegated({ op, value }: NegatedTest): TextSet {
  switch (op) {
    case 'equals':
      // An address literal is plain text here.
      return typeof value === 'string' ? listedTexts([value]) : noText;
    case 'prefix':
      return textsOfParts([value, '']);
    case 'suffix':
      return textsOfParts(['', value]);
    case 'equals-ignore-case':
      return foldedTexts(op, value);
    case 'wildcard':
      return textsOfWildcard(value);
  }
}

function textsOf(test: Exclude<Test, { op: 'exists' | 'anything-but' | 'numeric' | 'number-text' }>): TextSet {
  switch (test.op) {
    case 'equals':
      return typeof test.value === 'string' ? textsEqual(test.value) : noText;
    case 'exactly':
      return listedTexts([test.value]);
    case 'prefix':
    case 'suffix': {
      const parts = test.op === 'prefix' ? [test.value, ''] : ['', test.value];
      return test.ignoreCase ? foldedTexts(test.op, test.value) : textsOfParts(parts);
    }
    case 'equals-ignore-case':
      return foldedTexts(test.op, test.value);
    case 'wildcard':
      return textsOfWildcard(test.value);
    case 'cidr':
      return textsInCidr(test.value);
  }
}

const whole = { text: everyText, integers: everyText, yes: true, no: true };

function valuesOf(test: Test): Partial<Values> {
  switch (test.op) {
    case 'exists':
      return test.value ? whole : { absent: true };
    case 'numeric':
      return { integers: integersIn(integersWithin(test)) };
    case 'number-text':
      // A number that no double carries is no 32-bit integer.
      return {};
    case 'anything-but': {
      const numbers = test.not.flatMap(({ value }) => (typeof value === 'number' ? [String(value)] : []));
      const text = otherTexts(anyOfTexts(test.not.map(textsOfNegated)));
      return { ...whole, text, integers: listedTexts(numbers, true) };
    }
    case 'equals':
      if (typeof test.value === 'number') return { integers: listedTexts([String(test.value)]) };
      if (typeof test.value === 'boolean') return test.value ? { yes: true } : { no: true };
      return { text: textsOf(test) };
    default:
      return { text: textsOf(test) };
  }
}

/** The claim that a leaf makes on an attribute. */
export function claimOfLeaf(name: string, { anyOf: tests }: Leaf): Claim {
  const values = tests.map(valuesOf);
  const said = [`[${tests.map(testJson).join(',')}]`];
  return claimOf(
    name,
    {
      absent: values.some(({ absent }) => absent === true),
      text: anyOfTexts(values.flatMap(({ text }) => text ?? [])),
      integers: anyOfTexts(values.flatMap(({ integers }) => integers ?? [])),
      yes: values.some(({ yes }) => yes === true),
      no: values.some(({ no }) => no === true),
    },
    said,
  );
}

function leafFormula(path: string, leaf: Leaf): Formula {
  const name = path.split('.', 1)[0]!;
  if (name !== 'data' && path !== 'data_base64') return allOf([claimOfLeaf(path, leaf)]);
  return openClause(lossyClause(path, leafText(leaf), 'only attributes can be asked about; wider: any data is taken'));
}

function fieldsFormula({ entries }: Pattern, prefix: string): Formula {
  return allOf(
    entries.map((entry) => {
      if (entry.kind === 'or') return anyOf(entry.anyOf.map((one) => fieldsFormula(one, prefix)));
      const path = prefix + entry.name;
      return entry.of.kind === 'leaf' ? leafFormula(path, entry.of) : fieldsFormula(entry.of, `${path}.`);
    }),
  );
}

/** What is said of attributes is exact, clauses on the data are open. */
export function patternFormula(pattern: Pattern): Formula {
  let repeats = false;
  expand(pattern, () => {
    repeats = true;
  });
  if (!repeats) return fieldsFormula(pattern, '');
  // A path twice in one branch: the later leaf wins, which only the expanded form says.
  return anyOf(subRulesOf(pattern).map((rule) => allOf(rule.map(([path, leaf]) => leafFormula(path, leaf)))));
}
