// Random rules and events for the filter law of Event Grid: few names and few values in several spellings, so that much
// matches and much nearly. Events hold what its documentation is silent about: lists of objects, lists in lists, names
// with dots, other letter case, numbers no decimal holds.

import fc from 'fast-check';
import { parseCesql } from '../../../router/cesql/parse.ts';
import type { Condition } from '../../../router/condition.ts';
import { type Attributes, type CloudEvent, jsonData } from '../../../router/event.ts';
import type { Test } from '../../../router/pattern.ts';
import { parsePattern } from '../../../router/read-pattern.ts';
import { subRulesOf } from '../../../router/sub-rule.ts';

// ſ is an s to whoever folds by upper case, and no s in a rule.
const words = ['a', 'A', 'ab', 'aB', 'ba', 'b', 'aba', 'ß', 'SS', 's', 'ſ', 'ÄB', '10.0.0.1', 'K'];
const word = fc.constantFrom(...words);
const number = fc.constantFrom(0, 1, 2, 3, -1, 0.5, 1e-30, 2 ** 53, 1e30);
const comparison = fc.constantFrom('=', '<', '<=', '>', '>=');
const wildcard = fc.constantFrom('a*', '*a', 'a*b*', '*b*', 'a*a', '*', 'ab', '*ab*a*');

const textTest = fc.oneof(
  { weight: 5, arbitrary: word },
  fc.record({ prefix: fc.oneof(word, fc.record({ 'equals-ignore-case': word })) }),
  fc.record({ suffix: fc.oneof(word, fc.record({ 'equals-ignore-case': word })) }),
  fc.record({ 'equals-ignore-case': word }),
  fc.record({ wildcard }),
);
const numberTest = fc.oneof(
  { weight: 2, arbitrary: number },
  fc.record({ numeric: fc.tuple(comparison, number) }),
  fc.constant({ numeric: ['>', 0, '<=', 2] }),
  fc.constant({ numeric: ['>=', 1, '<', 3] }),
);
const otherTest = fc.oneof(
  fc.record({ exists: fc.boolean() }),
  fc.record({ 'anything-but': fc.oneof(word, number, fc.record({ prefix: word })) }),
  fc.record({ cidr: fc.constant('10.0.0.0/8') }),
  fc.constant(null),
);
/** Mostly one kind of value a list, as people write it. */
const leaf = fc.oneof(
  { weight: 8, arbitrary: fc.array(textTest, { minLength: 1, maxLength: 3 }) },
  { weight: 4, arbitrary: fc.array(numberTest, { minLength: 1, maxLength: 3 }) },
  { weight: 2, arbitrary: fc.array(fc.boolean(), { minLength: 1, maxLength: 2 }) },
  { weight: 3, arbitrary: fc.array(fc.oneof(textTest, numberTest, otherTest), { minLength: 1, maxLength: 3 }) },
);

function someOf(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .subarray(Object.keys(fields), { minLength: 1, maxLength: 2 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name]!]))));
}
const data = fc.oneof(someOf({ x: leaf, y: leaf }), someOf({ o: someOf({ x: leaf, y: leaf }), x: leaf }), leaf);
const plain = someOf({ type: leaf, source: leaf, subject: leaf, id: leaf, ext: leaf, eventtype: leaf, data });
const rawPattern = fc.oneof(
  { weight: 3, arbitrary: plain },
  { weight: 1, arbitrary: fc.tuple(fc.tuple(plain, plain), plain).map(([$or, rest]) => ({ ...rest, $or })) },
  { weight: 1, arbitrary: fc.tuple(plain, plain).map(($or) => ({ $or })) },
);

export const pattern: fc.Arbitrary<Condition> = rawPattern
  .map((raw) => parsePattern(raw, 'when', []))
  .filter((parsed) => parsed !== undefined);

const attribute = fc.constantFrom('type', 'source', 'subject', 'id', 'ext');
const quoted = word.map((text) => `'${text}'`);
const like = fc.constantFrom("'a%'", "'%a'", "'a_'", "'_'", "'%b%'", "'ab'", "'a\\\\%'").map((text) => text);
const clause = fc.oneof(
  fc.tuple(attribute, quoted).map(([name, text]) => `${name} = ${text}`),
  fc.tuple(attribute, quoted).map(([name, text]) => `${text} = ${name}`),
  fc.tuple(attribute, quoted).map(([name, text]) => `${name} != ${text}`),
  fc
    .tuple(attribute, fc.array(quoted, { minLength: 1, maxLength: 3 }))
    .map(([name, set]) => `${name} IN (${set.join()})`),
  fc.tuple(attribute, quoted).map(([name, text]) => `${name} NOT IN (${text})`),
  fc.tuple(attribute, like).map(([name, text]) => `${name} LIKE ${text}`),
  fc.constant('EXISTS subject'),
  fc.tuple(attribute, quoted, quoted).map(([name, a, b]) => `(${name} = ${a} OR ${name} = ${b})`),
  fc.tuple(attribute, quoted).map(([name, text]) => `NOT (${name} = ${text})`),
);

export const cesql: fc.Arbitrary<Condition> = fc
  .array(clause, { minLength: 1, maxLength: 3 })
  .chain((clauses) => fc.constantFrom(' AND ', ' AND ', ' OR ').map((word) => clauses.join(word)))
  .map((text): Condition => {
    const expression = parseCesql(text);
    return { kind: 'cesql', text, expression };
  });

const scalar = fc.oneof(
  { weight: 6, arbitrary: word.map((text) => JSON.stringify(text)) },
  { weight: 4, arbitrary: number.map(String) },
  fc.constantFrom('true', 'false', 'null', '1e300', '1e999', '9007199254740993', '1.0', '"10.0.0.01"'),
);
const object = fc
  .array(fc.tuple(fc.constantFrom('x', 'y', 'X', 'x', 'y'), scalar), { maxLength: 3 })
  .map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join()}}`);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 3, arbitrary: fc.array(scalar, { maxLength: 3 }).map((items) => `[${items.join()}]`) },
  fc.array(object, { maxLength: 2 }).map((items) => `[${items.join()}]`),
  scalar.map((item) => `[[${item}]]`),
  object,
);
const body = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom('x', 'y', 'o', 'x', 'y', 'o', 'o.x', 'X'), value), { maxLength: 4 })
      .map((members) => `{${members.map(([name, one]) => `"${name}":${one}`).join()}}`),
  },
  { weight: 2, arbitrary: fc.array(object, { maxLength: 2 }).map((items) => `{"o":[${items.join()}]}`) },
  { weight: 2, arbitrary: object.map((item) => `{"o":${item}}`) },
  { weight: 1, arbitrary: fc.array(object, { maxLength: 2 }).map((items) => `[${items.join()}]`) },
  { weight: 1, arbitrary: value },
);
const extension = fc.oneof(word, fc.constantFrom(0, 1, 2, true, false));

export const event: fc.Arbitrary<CloudEvent> = fc
  .record(
    { type: word, source: word, id: word, subject: word, ext: extension, eventtype: word, body },
    { requiredKeys: ['type', 'source', 'id'] },
  )
  .map(({ body: text, ...given }) => ({
    attributes: { specversion: '1.0', ...given } as Attributes,
    ...(text === undefined ? {} : { data: jsonData(Buffer.from(text)) }),
  }));

type Below = (n: number) => number;

function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)]!;
}

/** A value that passes the test, or nearly. */
function valueFor(given: Test, below: Below): unknown {
  const text = (value: string): string => (below(4) === 0 ? value.toUpperCase() : value);
  switch (given.op) {
    case 'equals':
      return typeof given.value === 'string' ? text(given.value) : given.value;
    case 'prefix':
      return text(given.value + pick(below, words));
    case 'suffix':
      return text(pick(below, words) + given.value);
    case 'wildcard':
      return text(given.value.replaceAll('*', () => pick(below, ['', 'b', 'a'])));
    case 'numeric':
      return given.bounds[0]!.value + pick(below, [-1, 0, 0.5, 1]);
    case 'equals-ignore-case':
      return text(given.value);
    case 'cidr':
      return '10.1.2.3';
    default:
      return pick(below, ['c', 7, null, 'b']);
  }
}

type Loose = Record<string, unknown>;

/** Sets a value below `root`, now and then inside a list or a list of objects. */
function put(root: Loose, names: readonly string[], given: unknown, below: Below): void {
  let at = root;
  for (const name of names.slice(0, -1)) {
    const child: Loose = {};
    at[name] ??= below(6) === 0 ? [{ z: 1 }, child] : child;
    const next = at[name];
    at = (Array.isArray(next) ? next.at(-1) : next) as Loose;
    if (typeof at !== 'object' || at === null) return;
  }
  at[names.at(-1)!] = pick<unknown>(below, [given, given, given, given, given, [given], ['z', given], [[given]]]);
}

/** An event made of what one way through the rule asks for; some of them break it somewhere. */
export function eventNear(when: Condition, below: Below): CloudEvent {
  const attributes: Loose = { id: 'z', source: 'z', type: 'z' };
  const data: Loose = {};
  let whole: unknown;
  for (const [path, { anyOf }] of when.kind === 'fields' ? pick(below, subRulesOf(when)) : []) {
    const given = valueFor(pick(below, anyOf), below);
    const [first, ...names] = path.split('.');
    if (first !== 'data') attributes[first!] = first === 'ext' ? given : String(given);
    else if (names.length > 0) put(data, names, given, below);
    else whole = given;
  }
  if (when.kind === 'cesql') {
    for (const name of ['id', 'source', 'type', 'subject', 'ext'])
      attributes[name] = pick(below, ['a', 'ab', 'ba', 'b', 'A']);
  }
  if (typeof attributes['ext'] === 'object' || !isCarriable(attributes['ext'])) delete attributes['ext'];
  const text = JSON.stringify(whole ?? (below(8) === 0 ? [data] : data));
  return { attributes: { specversion: '1.0', ...attributes } as Attributes, data: jsonData(Buffer.from(text)) };
}

function isCarriable(extension: unknown): boolean {
  return typeof extension !== 'number' || (Number.isInteger(extension) && Math.abs(extension) < 2 ** 31);
}
