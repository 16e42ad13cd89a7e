// The filter law where data may lie in a store: an event that travels without its data passes whatever its rule asks of data,
// and native with residual, judged on the whole event, is match. By the fake bus, by the library and by event-ruler.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { busFilter } from '../../../adapters/eventbridge/bus-filter.ts';
import { compileFilter, type EventBridgePattern } from '../../../adapters/eventbridge/filter.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { createMatcher } from '../../../router/matcher.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { testEnv } from '../../harness/env.ts';
import { STORE, type Travelling, travelling, withDataref } from '../../harness/light.ts';
import type { Below } from '../../harness/patterns.ts';
import { seededRandom } from '../../harness/random.ts';
import { findRuler } from '../../law/event-ruler.ts';
import { randomCase } from './law-cases.ts';
import { envelopeOf, nativePasses } from './scene.ts';

/** CI raises it to 100,000. */
const PAIRS = Number(testEnv('BUSWAY_LAW_PAIRS') ?? 2_000);
const ruler = findRuler();

interface Case extends Travelling {
  readonly text: string;
  readonly when: Condition;
  readonly matches: boolean;
  readonly kind: 'exact' | 'wider' | 'none';
  readonly native: EventBridgePattern | null;
}

function conditionOf(below: Below, given: { text: string; when: Condition }): { text: string; when: Condition } {
  if (given.when.kind !== 'fields') return given;
  const text = withDataref(below, given.text);
  return { text, when: readPatternText(text) };
}

function* cases(seed: number, pairs: number, limits: { maxPattern?: number } = {}): Generator<Case> {
  const random = seededRandom(seed);
  const below: Below = (n) => Math.floor(random() * n);
  for (let i = 0; i < pairs; i++) {
    const { event, ...given } = randomCase(below);
    const { text, when } = conditionOf(below, given);
    const { whole, seen } = travelling(below, event);
    const { kind, native, residual } = compileFilter(when, { ...limits, uriPrefix: STORE });
    assert.equal(residual === null, kind === 'exact');
    assert.ok(residual === null || residual === when);
    yield { text, when, whole, seen, kind, native, matches: compileCondition(when)(whole) };
  }
}

/** What is wrong, or undefined. The residual is the whole rule, so after it only what it cannot mend is left. */
function breach({ text, seen, native, kind, matches }: Case, passes: boolean): string | undefined {
  const says = (): string => inspect({ text, seen, native, kind }, { depth: 12 });
  if (matches && !passes) return `loses the event: ${says()}`;
  return kind === 'exact' && passes !== matches ? `is not exact: ${says()}` : undefined;
}

function libraryPasses(native: EventBridgePattern, event: CloudEvent): boolean {
  const matcher = createMatcher();
  matcher.add('it', readPatternText(JSON.stringify(native)));
  return matcher.matchText(Buffer.from(envelopeOf(event))).length > 0;
}

test(`eventbridge filter: over ${PAIRS} random pairs, some without their data, no event is lost`, () => {
  const seed = Date.now() % 1_000_000_007;
  const counted = { light: 0, matched: 0, held: 0, exact: 0 };

  for (const one of cases(seed, PAIRS)) {
    const { native, seen, whole } = one;
    const passes = native === null || nativePasses(native, seen);
    assert.equal(breach(one, passes), undefined, `seed ${seed}`);
    assert.equal(native === null || libraryPasses(native, seen), passes, `seed ${seed}: ${one.text}`);
    if (seen === whole) continue;
    counted.light++;
    if (one.matches) counted.matched++;
    if (!passes) counted.held++;
    if (one.kind === 'exact') counted.exact++;
  }

  const enough = Math.min(counted.matched, counted.light - counted.matched) > PAIRS / 20;
  assert.ok(enough && counted.held > PAIRS / 100 && counted.exact > PAIRS / 100, `seed ${seed}: ${inspect(counted)}`);
});

test('eventbridge filter: a rule over the size limit still loses no event without its data', () => {
  const seed = Date.now() % 1_000_000_007;
  let cut = 0;
  for (const maxPattern of [60, 110, 160]) {
    for (const one of cases(seed, PAIRS / 12, { maxPattern })) {
      const { native, seen } = one;
      if (native !== null) assert.ok(JSON.stringify(native).length <= maxPattern, one.text);
      assert.equal(breach(one, native === null || nativePasses(native, seen)), undefined, `seed ${seed}`);
      if (native === null || !JSON.stringify(native).includes(STORE)) cut++;
    }
  }
  assert.ok(cut > PAIRS / 40, `seed ${seed}: only ${cut}`);
});

test(`eventbridge filter: by event-ruler, some without their data, no event is lost`, {
  skip: ruler.ok ? false : ruler.reason,
}, async () => {
  assert.ok(ruler.ok);
  const seed = Date.now() % 1_000_000_007;
  const light = cases(seed, PAIRS).filter(({ native, seen, whole }) => native !== null && seen !== whole);
  const asked = [...light];
  const verdicts = await ruler.judge(
    asked.map(({ native, seen }) => ({ pattern: JSON.stringify(native), event: envelopeOf(seen) })),
  );
  for (const [i, one] of asked.entries()) {
    assert.ok(verdicts[i] === 'match' || verdicts[i] === 'no-match', `seed ${seed}: ${verdicts[i]}: ${inspect(one)}`);
    assert.equal(breach(one, verdicts[i] === 'match'), undefined, `seed ${seed}`);
  }
  assert.ok(asked.length > PAIRS / 10);
});

test('eventbridge filter: attributes are still filtered there, and a rule over attributes alone stays exact', () => {
  const compile = (text: string) => compileFilter(readPatternText(text), { uriPrefix: STORE });
  const reference = { dataref: [{ prefix: STORE }] };

  assert.deepEqual(compile('{"type":["a"],"data":{"x":[1]}}').native, {
    detail: { type: ['a'], $or: [{ data: { x: [1] } }, reference] },
  });
  assert.deepEqual(compile('{"data":{"x":[1]},"$or":[{"type":["a"]},{"subject":["s"]}]}').native, {
    detail: {
      $or: [
        { data: { x: [1] }, $or: [{ type: ['a'] }, { subject: ['s'] }] },
        { $or: [{ type: ['a'] }, { subject: ['s'] }], ...reference },
      ],
    },
  });
  assert.equal(compile('{"type":["a"],"subject":[{"exists":false}]}').kind, 'exact');
  const { kind, why, fix } = compile('{"type":["a"],"dataref":[{"exists":false}]}');
  assert.deepEqual([kind, /oversize/.test(why!), /attributes only/.test(fix!)], ['wider', true, true]);
});

test('eventbridge filter: what `busway filter` tells is what the adapter compiles', () => {
  const filter = busFilter({ bus: 'orders' }, STORE);
  const when = readPatternText('{"type":["com.b"],"data":{"a":["x"]}}');
  assert.deepEqual(filter.compile(when), compileFilter(when, { uriPrefix: STORE }));
  const random = seededRandom(7);
  const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/s', type: 'com.b' } };
  const seen = travelling((n) => Math.floor(random() * n), event);
  assert.equal(filter.passes!(when)(seen.seen), false);
});
