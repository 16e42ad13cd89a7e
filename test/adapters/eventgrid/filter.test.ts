// The filter of Event Grid: the law over random rules and events, held against the fake's own reading of the operators,
// and what single rules become.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  compileEventGrid,
  type EventGridFilter,
  type FilterSettings,
  ruleOfSubscription,
  subscriptionName,
  type TopicFilter,
} from '../../../adapters/eventgrid/filter.ts';
import { checkPlain } from '../../../adapters/eventgrid/plain.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { checkFilter, passesFilter } from '../../fakes/eventgrid-filter.ts';
import { testEnv } from '../../harness/env.ts';
import { seededRandom } from '../../harness/random.ts';
import { cesql, event, eventNear, pattern } from './conditions.ts';
import { ruleOf } from './scene.ts';

// CI raises this to 100,000.
const PAIRS = Number(testEnv('BUSWAY_LAW_PAIRS') ?? 20_000);
const EVENTS = 20;
const NEAR = 15;

const topic: FilterSettings = { tier: 'topic', filterable: [] };
const namespace: FilterSettings = { tier: 'namespace', filterable: [] };
const filterable = ['data.x', 'data.y', 'data.o.x', 'data.o.y'];

interface Counted {
  pairs: number;
  matched: number;
  held: number;
  native: number;
}

/** What the bus carries: an event that breaks the promise of `filterable` is refused before. */
function isCarried(given: CloudEvent, { filterable: paths, tier }: FilterSettings): boolean {
  try {
    checkPlain(given, paths, tier);
    return true;
  } catch {
    return false;
  }
}

/** The verdict of the whole rule is the filter's and the residual's together, and no match is held back. */
function checkPair(when: Condition, events: readonly CloudEvent[], settings: FilterSettings, counted: Counted): void {
  const { kind, native, residual, why } = compileEventGrid(when, settings);
  assert.equal(native === null, kind === 'none');
  assert.equal(residual === null, kind === 'exact');
  assert.equal(why === undefined, kind === 'exact', 'it says what is not exact');
  if (native !== null) counted.native++;
  const matches = compileCondition(when);
  const left = residual === null ? () => true : compileCondition(residual);
  for (const one of events) {
    if (!isCarried(one, settings)) continue;
    const text = encodeStructuredText(one);
    const passes = native === null || passesFilter(native, settings.tier, text);
    counted.pairs++;
    if (matches(one)) counted.matched++;
    if (!passes) counted.held++;
    const says = `${inspect(native, { depth: 9 })} for ${text}`;
    assert.ok(passes || !matches(one), `loses an event: ${says}`);
    assert.equal(passes && left(one), matches(one), `native and residual: ${says}`);
  }
}

/** Events at random, and more that were made for the rule. */
function lawOver(conditions: fc.Arbitrary<Condition>, settings: FilterSettings, runs: number): Counted {
  const counted: Counted = { pairs: 0, matched: 0, held: 0, native: 0 };
  const [near, any] = [NEAR, EVENTS - NEAR];
  fc.assert(
    fc.property(conditions, fc.array(event, { minLength: any, maxLength: any }), fc.nat(), (when, events, seed) => {
      const random = seededRandom(seed);
      const below = (n: number): number => Math.floor(random() * n);
      const made = Array.from({ length: near }, () => eventNear(when, below));
      checkPair(when, [...made, ...events], settings, counted);
    }),
    { numRuns: runs },
  );
  return counted;
}

describe('eventgrid filters lose no event', () => {
  const runs = PAIRS / EVENTS;
  for (const [name, settings, share] of [
    ['a custom topic', topic, 0.4],
    ['a custom topic with filterable paths', { tier: 'topic', filterable }, 0.4],
    ['a namespace', namespace, 0.4],
    ['a namespace with filterable paths', { tier: 'namespace', filterable }, 0.4],
  ] as const) {
    test(`eventgrid: ${name} passes every event that matches, over random rules and events`, () => {
      const counted = lawOver(fc.oneof({ weight: 4, arbitrary: pattern }, cesql), settings, share * runs);

      assert.ok(counted.pairs > 0.5 * share * PAIRS, inspect(counted));
      assert.ok(counted.matched * 3 > counted.pairs, `hardly tried: ${inspect(counted)}`);
      assert.ok(counted.held * 10 > counted.pairs, `hardly filtered: ${inspect(counted)}`);
    });
  }
});

function compiled(when: object, settings = topic) {
  return compileEventGrid(ruleOf('rule', when).when, settings);
}

function native(when: object, settings = topic): EventGridFilter | null {
  return compiled(when, settings).native;
}

const onArrays = { enableAdvancedFilteringOnArrays: true };
const on = (...advancedFilters: readonly object[]): object => ({ ...onArrays, advancedFilters });

describe('eventgrid filters of single rules', () => {
  test('eventgrid: exact types become the list of event types', () => {
    assert.deepEqual(native({ type: ['a', 'b', 'a'] }), { includedEventTypes: ['a', 'b'], ...onArrays });
    assert.deepEqual(native({ type: ['a'] }, namespace), { includedEventTypes: ['a'] });
  });

  test('eventgrid: a list of different tests becomes the one operator that all of them imply', () => {
    const cases: readonly (readonly [unknown[], string, unknown[]])[] = [
      [['a', 'B'], 'StringIn', ['a', 'B']],
      [['a', 'A'], 'StringIn', ['A']],
      [['a', { prefix: 'b' }], 'StringBeginsWith', ['a', 'b']],
      [['a', { suffix: 'b' }], 'StringEndsWith', ['a', 'b']],
      [[{ prefix: 'a' }, { suffix: 'b' }], 'StringContains', ['a', 'b']],
      [[{ wildcard: 'a*b' }, 'cb'], 'StringBeginsWith', ['a', 'cb']],
      [[{ wildcard: '*mid*' }, { prefix: 'a' }], 'StringContains', ['mid', 'a']],
      [[{ 'equals-ignore-case': 'A' }], 'StringIn', ['A']],
    ];
    for (const [list, operatorType, values] of cases) {
      assert.deepEqual(native({ source: list }), on({ operatorType, key: 'source', values }), inspect(list));
    }
  });

  test('eventgrid: a wildcard becomes its beginning, its end and what stands between', () => {
    assert.deepEqual(
      native({ source: [{ wildcard: '/a*b*c' }] }),
      on(
        { operatorType: 'StringBeginsWith', key: 'source', values: ['/a'] },
        { operatorType: 'StringEndsWith', key: 'source', values: ['c'] },
        { operatorType: 'StringContains', key: 'source', values: ['b'] },
      ),
    );
  });

  test('eventgrid: one prefix or one suffix of subject is exact on a custom topic, and wider on a namespace', () => {
    const exact = compiled({ subject: [{ prefix: '/Orders/' }] });

    assert.deepEqual(exact, {
      kind: 'exact',
      native: { subjectBeginsWith: '/Orders/', isSubjectCaseSensitive: true, ...onArrays },
      residual: null,
    });
    assert.equal(compiled({ subject: [{ suffix: '.jpg' }] }).kind, 'exact');
    assert.equal(compiled({ subject: [{ prefix: 'é' }] }).kind, 'wider');
    for (const one of ['a', { wildcard: 'a*b' }, { wildcard: 'a*b*' }, { prefix: { 'equals-ignore-case': 'a' } }]) {
      assert.equal(compiled({ subject: [one] }).kind, 'wider', inspect(one));
    }
    assert.equal(compiled({ subject: [{ prefix: '/a' }], type: ['t'] }).kind, 'wider');
    assert.equal(
      compiled({ $or: [{ subject: [{ prefix: 'a' }] }, { subject: [{ prefix: 'a' }], x: ['x'] }] }).kind,
      'wider',
    );
    const { kind, native: filter } = compiled({ subject: [{ prefix: '/a' }] }, namespace);
    assert.deepEqual(
      [kind, filter],
      ['wider', { filters: [{ operatorType: 'StringBeginsWith', key: 'subject', values: ['/a'] }] }],
    );
  });

  test('eventgrid: numbers, ranges and booleans of filterable paths are pushed, of others not', () => {
    const settings: FilterSettings = { tier: 'topic', filterable: ['data.n'] };
    const key = 'data.n';
    const cases: readonly (readonly [unknown[], object[]])[] = [
      [[5, 7, 5], [{ operatorType: 'NumberIn', key, values: [5, 7] }]],
      [[{ numeric: ['>', 5] }], [{ operatorType: 'NumberGreaterThan', key, value: 5 }]],
      [[{ numeric: ['>', 9] }, { numeric: ['>', 5] }], [{ operatorType: 'NumberGreaterThan', key, value: 5 }]],
      [[{ numeric: ['<', 5] }, { numeric: ['<=', 9] }], [{ operatorType: 'NumberLessThanOrEquals', key, value: 9 }]],
      [[{ numeric: ['>', 5] }, { numeric: ['>=', 5] }], [{ operatorType: 'NumberGreaterThanOrEquals', key, value: 5 }]],
      [
        [{ numeric: ['>', 0, '<=', 9] }],
        [
          { operatorType: 'NumberGreaterThan', key, value: 0 },
          { operatorType: 'NumberLessThanOrEquals', key, value: 9 },
        ],
      ],
      [
        [5, { numeric: ['>', 7, '<', 9] }],
        [
          {
            operatorType: 'NumberInRange',
            key,
            values: [
              [5, 5],
              [7, 9],
            ],
          },
        ],
      ],
      [[false], [{ operatorType: 'BoolEquals', key, value: false }]],
    ];
    for (const [list, filters] of cases) {
      const found = native({ data: { n: list } }, settings) as TopicFilter;
      assert.deepEqual(sorted(found.advancedFilters!), sorted(filters), inspect(list));
    }
    for (const list of [
      [2 ** 53 + 2],
      [1e-30],
      ['a', 5],
      [true, false],
      [{ numeric: ['<', 5] }, { numeric: ['>', 4] }],
    ]) {
      assert.equal(native({ data: { n: list } }, settings), null, inspect(list));
    }
    const blind = compiled({ data: { n: [5] } });
    assert.deepEqual([blind.kind, blind.native], ['none', null]);
    assert.match(blind.why!, /^data\.n: a list of objects/);
    assert.match(blind.fix!, /filterable/);
  });

  test('eventgrid: negations, null, existence, addresses and empty texts are left to the handler, with the reason', () => {
    const tests = [
      { 'anything-but': 'a' },
      null,
      { exists: true },
      { exists: false },
      { cidr: '10.0.0.0/8' },
      '10.0.0.1',
      '',
    ];
    for (const one of tests) {
      const { kind, why, residual } = compiled({ source: [one, 'b'] });

      assert.equal(kind, 'none', inspect(one));
      assert.ok(residual !== null && /^source: ./.test(why!));
    }
  });

  test('eventgrid: extensions are pushed as texts only, and never under a name that means something else there', () => {
    assert.deepEqual(native({ tenant: ['a'] }), on({ operatorType: 'StringIn', key: 'tenant', values: ['a'] }));
    for (const when of [
      { tenant: [5] },
      { tenant: ['a', true] },
      { eventtype: ['a'] },
      { topic: ['a'] },
      { time: ['a'] },
    ]) {
      assert.equal(native(when), null, inspect(when));
    }
  });

  test('eventgrid: of $or only what all its ways ask for is pushed, joined', () => {
    const shared = compiled({ $or: [{ type: ['a'], source: ['s'] }, { type: ['b'] }] });

    assert.deepEqual(shared.native, { includedEventTypes: ['a', 'b'], ...onArrays });
    assert.match(shared.why!, /source: not every way through \$or/);
    assert.equal(native({ $or: [{ type: ['a'] }, { source: ['b'] }] }), null);
    assert.deepEqual(
      native({ id: ['i'], $or: [{ type: ['a'] }, { source: ['b'] }] }),
      on({ operatorType: 'StringIn', key: 'id', values: ['i'] }),
    );
  });

  test('eventgrid: over 25 filters or values the least selective are dropped, and a list is never cut', () => {
    const list = (count: number, stem: string): string[] => Array.from({ length: count }, (_, i) => `${stem}${i}`);
    const when = { id: list(20, ''), source: list(6, 'x'), subject: list(5, '/s/'), tenant: ['t'] };
    const { native: filter, why } = compiled(when);

    checkFilter(filter, 'topic');
    assert.deepEqual(
      sorted((filter as TopicFilter).advancedFilters!),
      sorted([
        { operatorType: 'StringIn', key: 'id', values: list(20, '') },
        { operatorType: 'StringBeginsWith', key: 'source', values: ['x'] },
        { operatorType: 'StringIn', key: 'tenant', values: ['t'] },
        { operatorType: 'StringBeginsWith', key: 'subject', values: ['/s/'] },
      ]),
    );
    assert.match(why!, /source: over 25 filters or 25 values/);
    assert.equal(native({ id: list(26, '') }), null, 'no common beginning, so nothing is left to say');
    const wildcard = Array.from({ length: 30 }, (_, i) => `m${i}`).join('*');
    checkFilter(native({ source: [{ wildcard }] }), 'topic');
    assert.equal(native({ source: ['x'.repeat(513)] }), null);
    checkFilter(native({ source: ['x'.repeat(512)] }), 'topic');
  });

  test('eventgrid: of a CESQL expression only what must be true is pushed', () => {
    const of = (text: string) => compileEventGrid({ kind: 'cesql', text, expression: parseCesql(text) }, topic).native;

    assert.deepEqual(of("type = 'a' AND source LIKE '/x/%'"), {
      includedEventTypes: ['a'],
      ...on({ operatorType: 'StringBeginsWith', key: 'source', values: ['/x/'] }),
    });
    assert.deepEqual(of("type IN ('a', 'b') OR type = 'c'"), { includedEventTypes: ['a', 'b', 'c'], ...onArrays });
    for (const text of [
      "type != 'a'",
      "NOT (type = 'a')",
      "type = 'a' OR source = 'b'",
      "ext = 'a'",
      "type NOT IN ('a')",
    ]) {
      assert.equal(of(text), null, text);
    }
  });
});

function sorted(filters: readonly object[]): readonly string[] {
  return filters.map((filter) => JSON.stringify(filter)).sort();
}

describe('eventgrid subscriptions', () => {
  const filter = { includedEventTypes: ['a'] };

  test('eventgrid: names are valid, and tell rules apart that read alike', () => {
    const rules = ['a.b', 'a-b', 'a_b', 'A.b', '...', 'x'.repeat(64), `${'x'.repeat(63)}y`];
    const names = rules.map((rule) => subscriptionName('busway', rule, filter));

    for (const name of names) assert.match(name, /^[A-Za-z0-9-]{3,50}$/);
    assert.equal(new Set(names.map((name) => name.toLowerCase())).size, rules.length);
    assert.ok(names[0]!.startsWith('busway-a-b-'));
  });

  test('eventgrid: a changed filter changes the name, and both names lead back to the rule, in any letter case', () => {
    const [one, other] = [filter, null].map((native) => subscriptionName('busway', 'my.rule', native));

    assert.notEqual(one, other);
    for (const name of [one!, other!.toUpperCase()]) {
      assert.equal(ruleOfSubscription(name, 'busway', ['other', 'my.rule']), 'my.rule');
    }
    assert.equal(ruleOfSubscription(one!, 'busway', ['other']), 'my-rule');
    assert.equal(ruleOfSubscription('somebody-else', 'busway', ['my.rule']), undefined);
  });

  test('eventgrid: what was made for a rule that is gone is never taken for one that reads alike', () => {
    const name = subscriptionName('busway', 'a_b', filter);

    assert.equal(ruleOfSubscription(name, 'busway', []), 'a-b');
    assert.equal(ruleOfSubscription(name, 'busway', ['a-b']), name);
    assert.equal(ruleOfSubscription(name, 'busway', ['a-b', 'a_b']), 'a_b');
  });
});
