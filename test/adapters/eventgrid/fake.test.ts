// The fake is strict: definitions that the service refuses, filters case by case as the documentation words them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkFilter, passesFilter } from '../../fakes/eventgrid-filter.ts';
import { key, withEventGrid } from './scene.ts';

const event = {
  specversion: '1.0',
  id: '1',
  source: '/Shop',
  type: 'order.placed',
  subject: '/Orders/7',
  level: 5,
  data: {
    n: 5,
    s: 'Abc',
    t: true,
    list: ['x', 'Yz', 3],
    objects: [{ n: 5 }],
    nested: [['x']],
    nothing: null,
    deep: { n: 1 },
    big: 1e300,
  },
};

function passes(operatorType: string, keyName: string, given: unknown, onArrays = true): boolean {
  const bare = operatorType.startsWith('Is');
  const single = /Equals$|Than$/.test(operatorType);
  const filter = { operatorType, key: keyName, ...(bare ? {} : single ? { value: given } : { values: given }) };
  const all = { enableAdvancedFilteringOnArrays: onArrays, advancedFilters: [filter] };
  return passesFilter(all, 'topic', JSON.stringify(event));
}

test('fake filter: operators compare as documented', () => {
  const rows: readonly (readonly [string, string, unknown, boolean])[] = [
    ['NumberIn', 'data.n', [1, 5], true],
    ['NumberNotIn', 'data.n', [1, 5], false],
    ['NumberLessThan', 'data.n', 5, false],
    ['NumberLessThanOrEquals', 'data.n', 5, true],
    ['NumberGreaterThan', 'data.n', 4.9, true],
    ['NumberGreaterThanOrEquals', 'data.n', 6, false],
    [
      'NumberInRange',
      'data.n',
      [
        [1, 2],
        [5, 9],
      ],
      true,
    ],
    [
      'NumberNotInRange',
      'data.n',
      [
        [1, 2],
        [5, 9],
      ],
      false,
    ],
    ['NumberIn', 'data.s', [5], false],
    ['NumberGreaterThan', 'data.big', 1, false],
    ['BoolEquals', 'data.t', true, true],
    ['BoolEquals', 'data.t', false, false],
    ['StringIn', 'data.s', ['aBC'], true],
    ['StringNotIn', 'data.s', ['aBC'], false],
    ['StringBeginsWith', 'source', ['/sh'], true],
    ['StringNotBeginsWith', 'source', ['/sh'], false],
    ['StringEndsWith', 'type', ['PLACED'], true],
    ['StringContains', 'id', ['2'], false],
    ['StringNotContains', 'id', ['2'], true],
    ['StringBeginsWith', 'level', ['5'], true],
    ['NumberIn', 'level', [5], false],
    ['IsNullOrUndefined', 'data.nothing', undefined, true],
    ['IsNullOrUndefined', 'data.gone', undefined, true],
    ['IsNotNull', 'data.nothing', undefined, false],
    ['IsNotNull', 'data.n', undefined, true],
    ['NumberIn', 'data.deep.n', [1], true],
  ];
  for (const [operator, name, given, due] of rows)
    assert.equal(passes(operator, name, given), due, `${operator} ${name}`);
});

test('fake filter: a missing key is not matched, but by NumberNotIn and StringNotIn', () => {
  const values: Readonly<Record<string, unknown>> = { Number: [1], String: ['a'] };
  for (const operator of [
    'NumberIn',
    'StringIn',
    'StringContains',
    'StringNotContains',
    'StringNotBeginsWith',
    'StringNotEndsWith',
  ]) {
    assert.equal(passes(operator, 'data.gone', values[operator.slice(0, 6)]), false, operator);
  }
  assert.equal(passes('NumberLessThan', 'data.gone', 1), false);
  assert.equal(passes('BoolEquals', 'data.gone', false), false);
  assert.ok(passes('NumberNotIn', 'data.gone', [1]) && passes('StringNotIn', 'data.gone', ['a']));
});

test('fake filter: of a list any element hits, only with the flag, and lists of objects or lists never', () => {
  assert.ok(passes('StringIn', 'data.list', ['yz']) && passes('NumberIn', 'data.list', [3]));
  assert.ok(!passes('StringNotIn', 'data.list', ['yz']) && passes('StringNotIn', 'data.list', ['other']));
  assert.ok(!passes('StringIn', 'data.list', ['yz'], false));
  assert.ok(!passes('NumberIn', 'data.objects.n', [5]) && !passes('StringIn', 'data.nested', ['x']));
});

test('fake filter: subject filters look at letter case only when told', () => {
  const subject = (filter: object): boolean => passesFilter(filter, 'topic', JSON.stringify(event));

  assert.ok(subject({ subjectBeginsWith: '/orders' }) && subject({ subjectEndsWith: '7' }));
  assert.ok(!subject({ subjectBeginsWith: '/orders', isSubjectCaseSensitive: true }));
  assert.ok(subject({ subjectBeginsWith: '/Orders', isSubjectCaseSensitive: true }));
  assert.ok(!passesFilter({ subjectBeginsWith: '/' }, 'topic', JSON.stringify({ ...event, subject: null })));
  assert.ok(subject({ includedEventTypes: ['order.placed'] }) && !subject({ includedEventTypes: ['other'] }));
});

test('fake filter: definitions that the service refuses are refused', () => {
  const one = (filter: object): object => ({ advancedFilters: [filter] });
  const many = (count: number, values: number): object => ({
    advancedFilters: Array.from({ length: count }, () => ({
      operatorType: 'StringIn',
      key: 'id',
      values: Array.from({ length: values }, (_, i) => `${i}`),
    })),
  });
  checkFilter(many(25, 1), 'topic');
  for (const bad of [
    many(26, 1),
    many(2, 13),
    one({ operatorType: 'StringIn', key: 'id', values: ['x'.repeat(513)] }),
    one({ operatorType: 'StringIn', key: 'id', values: [] }),
    one({ operatorType: 'StringIn', key: 'id', value: 'a' }),
    one({ operatorType: 'NumberIn', key: 'id', values: ['5'] }),
    one({ operatorType: 'NumberInRange', key: 'id', values: [[2, 1]] }),
    one({ operatorType: 'StringIs', key: 'id', values: ['a'] }),
    one({ operatorType: 'StringIn', key: "data['a.b']", values: ['a'] }),
    { filters: [] },
    { subjectBeginsWith: 5 },
    [],
  ]) {
    assert.throws(() => checkFilter(bad, 'topic'), /InvalidRequest/, JSON.stringify(bad).slice(0, 80));
  }
  assert.throws(() => checkFilter({ subjectBeginsWith: 'a' }, 'namespace'), /InvalidRequest/);
});

test('fake: requests that the service refuses are refused', () =>
  withEventGrid({}, async ({ fake }) => {
    const good = '[{"specversion":"1.0","id":"1","source":"/s","type":"t"}]';
    const type = 'application/cloudevents-batch+json';
    const post = async (more: { url?: string; type?: string; body?: string; key?: string }): Promise<number> => {
      const url = more.url ?? `${fake.endpointOf('custom')}?api-version=2018-01-01`;
      const headers = { 'content-type': more.type ?? type, 'aeg-sas-key': more.key ?? key };
      return (await fetch(url, { method: 'POST', headers, body: more.body ?? good })).status;
    };
    const event = (more: string): string => `[{"specversion":"1.0","id":"1","source":"/s","type":"t"${more}}]`;

    assert.equal(await post({}), 200);
    assert.equal(await post({ key: 'x' }), 401);
    assert.equal(await post({ url: `${fake.endpointOf('custom')}?api-version=2020-01-01` }), 400);
    assert.equal(await post({ url: `${fake.endpointOf('missing')}?api-version=2018-01-01` }), 404);
    assert.equal(await post({ url: `${fake.url}/topics/missing:publish?api-version=2024-06-01` }), 410);
    assert.equal(await post({ url: `${fake.url}/elsewhere` }), 404);
    assert.equal(await post({ type: 'application/json' }), 415);
    assert.equal(await post({ type: 'application/cloudevents+json' }), 400);
    for (const body of [
      '',
      '[]',
      '{}',
      event(',"Upper":1'),
      event(',"a":[1]'),
      event(',"time":"now"'),
      event(',"data":1,"data_base64":""'),
    ]) {
      assert.equal(await post({ body }), 400, body);
    }
    assert.equal(await post({ body: `[${' '.repeat(1_048_576)}]` }), 413);
    assert.equal(await post({ body: `[${Array(5_001).fill(good.slice(1, -1)).join()}]` }), 413);
    assert.equal(fake.published('custom').length, 1);
  }));
