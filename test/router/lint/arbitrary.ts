// Patterns and events that have much to do with each other: few paths, few values, and texts that begin, end or fold
// alike, so that leaves meet, contain and exclude each other all the time.

import fc from 'fast-check';
import { isUriReference } from '../../../router/event.ts';
import type { JsonSchema } from '../../../router/lint/field.ts';
import type { Value } from '../../../router/match/scalar-test.ts';
import type { Pattern, Test } from '../../../router/pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';

export const texts = [
  ...['', 'a', 'A', 'b', 'ab', 'AB', 'aB', 'aba', 'abab', 'abc', 'ba', 'bab', 'a*', 'é', 'É', 'K', 'k', '\u212a'],
  ...[
    'ß',
    'SS',
    'ss',
    'sS',
    'x',
    '1',
    '1.0',
    'application/json',
    'text/plain',
    'text/html',
    'İ',
    'i̇',
    'i',
    '\ue000',
    'a\ue000b',
  ],
  ...['10.0.0.1', '010.0.0.1', '10.0.0.2', '10.0.1.1', '::1', '0:0:0:0:0:0:0:1', '2001:db8::1', 'true', 'null'],
];
export const numbers = ['0', '1', '1.0', '2', '1.5', '-1', '5', '1e3', '3000000000', '9007199254740993', '1e400'];

/** Values as the engine sees them. */
export const values: readonly Value[] = [
  ...texts,
  ...[0, 1, 2, 1.5, -1, 5, 1000, 3e9],
  ...[{ text: '9007199254740993' }, { text: '1e400' }],
  ...[true, false, null],
];

const text = fc.constantFrom(...texts);
const filled = text.filter((one) => one !== '');
const wildcard = fc
  .array(fc.constantFrom('a', 'b', 'ab', '*', 'é', 'x', '\\*'), { minLength: 0, maxLength: 5 })
  .map((parts) => parts.join('').replace(/\*{2,}/g, '*'));
const number = fc.constantFrom(0, 1, 2, 1.5, -1, 5);
const listed = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> =>
  fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 3 }));

const bounds = fc.oneof(
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number),
  fc
    .tuple(fc.constantFrom('>', '>='), number, fc.constantFrom('<', '<='), number)
    .filter(([, low, , high]) => low < high),
);

/** One alternative as JSON text; numbers keep theirs. */
export const testText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: text.map((one) => JSON.stringify(one)) },
  { weight: 2, arbitrary: fc.constantFrom(...numbers, 'true', 'false', 'null') },
  fc
    .oneof(
      { weight: 2, arbitrary: fc.record({ exists: fc.boolean() }) },
      fc.record({ prefix: text }),
      fc.record({ suffix: text }),
      fc.record({ prefix: fc.record({ 'equals-ignore-case': text }) }),
      fc.record({ suffix: fc.record({ 'equals-ignore-case': text }) }),
      fc.record({ 'equals-ignore-case': text }),
      { weight: 2, arbitrary: fc.record({ wildcard }) },
      fc.record({ numeric: bounds }),
      fc.record({ cidr: fc.constantFrom('10.0.0.0/24', '10.0.0.0/16', '0.0.0.0/0', '::/0', '2001:db8::/32') }),
      { weight: 2, arbitrary: fc.record({ 'anything-but': fc.oneof(listed(text), listed(number)) }) },
      fc.record({ 'anything-but': fc.record({ prefix: listed(filled) }) }),
      fc.record({ 'anything-but': fc.record({ suffix: listed(filled) }) }),
      fc.record({ 'anything-but': fc.record({ 'equals-ignore-case': listed(text) }) }),
      fc.record({ 'anything-but': fc.record({ wildcard: listed(wildcard) }) }),
    )
    .map((one) => JSON.stringify(one)),
);

export const leafText: fc.Arbitrary<string> = fc
  .array(testText, { minLength: 1, maxLength: 3 })
  .map((tests) => `[${tests.join(',')}]`);

const paths = [
  ...['specversion', 'id', 'type', 'source', 'subject', 'n', 'Type', 'type.x', 'datacontenttype'],
  ...['data', 'data.a', 'data.b', 'data.a.b', 'data.l.x', 'data.l.y', 'data.l.z', 'data.l.y.q'],
];

function fieldsText(fields: readonly (readonly [string, string])[], or: readonly string[]): string {
  const members = fields.map(([path, leaf]) => `${JSON.stringify(path)}:${leaf}`);
  if (or.length > 1) members.push(`"$or":[${or.join(',')}]`);
  return `{${members.join(',')}}`;
}

/** Dotted names are the same fields as nested ones; here they keep generated patterns short. */
function patternTextOver(names: readonly string[], leaf: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const fields = fc.uniqueArray(fc.tuple(fc.constantFrom(...names), leaf), {
    minLength: 1,
    maxLength: 3,
    selector: ([path]) => path,
  });
  const flat = fields.map((list) => fieldsText(list, []));
  const withOr = fc
    .tuple(fields, fc.array(flat, { minLength: 2, maxLength: 3 }))
    .map(([own, or]) => fieldsText(own, or));
  return fc.oneof({ weight: 3, arbitrary: flat }, withOr);
}

export const patternText: fc.Arbitrary<string> = patternTextOver(paths, leafText);

/** Two patterns over the same few fields and alternatives, so that one often implies the other. */
function related(over: readonly string[], alternative: fc.Arbitrary<string>): fc.Arbitrary<readonly [string, string]> {
  return fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...over), { minLength: 1, maxLength: 3 }),
      fc.array(alternative, { minLength: 1, maxLength: 4 }),
    )
    .chain(([names, tests]) => {
      const some = fc.uniqueArray(fc.constantFrom(...tests), { minLength: 1, maxLength: 3 });
      const one = patternTextOver(
        names,
        some.map((list) => `[${list.join(',')}]`),
      );
      return fc.tuple(one, one);
    });
}

export const relatedTexts: fc.Arbitrary<readonly [string, string]> = related(paths, testText);

/** Over one array of objects, where which element meets what is all that matters. */
export const relatedInList: fc.Arbitrary<readonly [string, string]> = related(
  ['data.l.x', 'data.l.y', 'data.l.z', 'data.l.y.q'],
  fc.constantFrom('"a"', '"b"', '1', '{"exists":true}', '{"exists":false}', '{"anything-but":"a"}', '{"prefix":""}'),
);

/** Undefined where the strict profile refuses what was generated, such as a path twice in one branch. */
export function strictPattern(written: string): Pattern | undefined {
  try {
    return readPatternText(written, 'strict');
  } catch {
    return undefined;
  }
}

export function testOf(written: string): Test {
  const { entries } = readPatternText(`{"f":[${written}]}`);
  const [first] = entries;
  if (first?.kind !== 'field' || first.of.kind !== 'leaf') throw new Error('one leaf is due');
  return first.of.anyOf[0]!;
}

const scalar = fc.oneof(
  text.map((one) => JSON.stringify(one)),
  fc.constantFrom(...numbers, 'true', 'false', 'null'),
);
const members = (names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), value), { maxLength: 3, selector: ([name]) => name })
    .map((list) => `{${list.map(([name, of]) => `"${name}":${of}`).join(',')}}`);
const list = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { maxLength: 3 }).map((items) => `[${items.join(',')}]`);
const inner = fc.oneof(scalar, list(scalar), members(['b', 'x', 'y', 'z', 'q'], scalar));
const elements = list(members(['x', 'y', 'z'], fc.oneof(scalar, members(['q'], scalar), list(members(['q'], scalar)))));
const data = fc.oneof(
  { weight: 4, arbitrary: members(['a', 'b', 'l'], fc.oneof(inner, elements, list(inner))) },
  fc.tuple(inner, elements).map(([a, l]) => `{"a":${a},"l":${l}}`),
  scalar,
  list(members(['a', 'b'], inner)),
);

const extension = fc.oneof(
  text.map((one) => JSON.stringify(one)),
  fc.constantFrom('0', '1', '2', '-1', '5', 'true', 'false'),
);
const json = fc.option(fc.constantFrom('"application/json"'), { nil: undefined });

const few = fc.constantFrom('"a"', '"b"', '1');
const fewElements = list(
  members(['x', 'y', 'z'], fc.oneof({ weight: 3, arbitrary: few }, members(['q'], few), list(few))),
);

export const listEventText: fc.Arbitrary<string> = fewElements.map(
  (l) => `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"l":${l}}}`,
);

/** What the data of `schemaEventText` follows. */
export const schema: JsonSchema = {
  type: 'object',
  properties: {
    a: { type: ['string', 'null'] },
    b: { type: 'integer' },
    o: { type: 'object', properties: { x: { type: 'boolean' } } },
    l: { type: 'array', items: { type: 'object', properties: { x: { type: 'string' }, y: { type: 'number' } } } },
    open: {},
  },
};

const anyText = text.map((one) => JSON.stringify(one));
const byName = (of: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> =>
  fc.record(of, { requiredKeys: [] }).map((members) => {
    const written = Object.entries(members).map(([name, value]) => `"${name}":${value}`);
    return `{${written.join(',')}}`;
  });
const schemaData = byName({
  a: fc.oneof(anyText, fc.constant('null')),
  b: fc.constantFrom('0', '1', '1.0', '2', '-1', '5', '3000000000', '9007199254740993'),
  o: byName({ x: fc.constantFrom('true', 'false') }),
  l: list(byName({ x: anyText, y: fc.constantFrom(...numbers) })),
  open: scalar,
});

export const schemaEventText: fc.Arbitrary<string> = schemaData.map(
  (of) => `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${of}}`,
);

export const schemaPatternText: fc.Arbitrary<string> = patternTextOver(
  ['data', 'data.a', 'data.a.x', 'data.b', 'data.o', 'data.o.x', 'data.l', 'data.l.x', 'data.l.y', 'data.open'],
  leafText,
);

/** Valid CloudEvents in JSON form, as text. */
export const eventText: fc.Arbitrary<string> = fc
  .tuple(
    fc.record({ id: filled, type: filled, source: filled.filter(isUriReference) }),
    fc.record({
      subject: fc.option(
        filled.map((one) => JSON.stringify(one)),
        { nil: undefined },
      ),
      n: fc.option(extension, { nil: undefined }),
    }),
    fc.oneof(
      { weight: 5, arbitrary: fc.tuple(json, fc.option(data, { nil: undefined })) },
      fc.tuple(
        fc.constantFrom('"text/plain"', '"text/html; charset=utf-8"'),
        text.map((one) => JSON.stringify(one)),
      ),
    ),
  )
  .map(([core, { subject, n }, [datacontenttype, content]]) => {
    const all: Record<string, string | undefined> = { specversion: '"1.0"' };
    for (const [name, value] of Object.entries(core)) all[name] = JSON.stringify(value);
    Object.assign(all, { subject, n, datacontenttype, data: content });
    const written = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
    return `{${written.join(',')}}`;
  });
