// The filter law: a rule that matches passes the native filter, and native with residual is match. Over random rules and
// events and over the published vectors; the native filter is judged by three that were not written with the compiler in
// mind: the fake bus, the router's library mode over the envelope, and event-ruler in Java where it is there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { Split } from '../../../adapters/adapter.ts';
import { compileFilter, type EventBridgePattern, type FilterLimits } from '../../../adapters/eventbridge/filter.ts';
import { toEntry } from '../../../adapters/eventbridge/wire.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { createMatcher } from '../../../router/matcher.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { type Json, readJson } from '../../fakes/eventbridge-json.ts';
import { testEnv } from '../../harness/env.ts';
import { seededRandom } from '../../harness/random.ts';
import { findRuler, type Pair } from '../../law/event-ruler.ts';
import { type LawCase, randomCase } from './law-cases.ts';
import { envelopeOf, nativePasses } from './scene.ts';

/** CI raises it to 100,000. */
const PAIRS = Number(testEnv('BUSWAY_LAW_PAIRS') ?? 20_000);
const ruler = findRuler();

interface Judged extends Omit<LawCase, 'when'> {
  readonly split: Split<EventBridgePattern>;
  readonly matches: boolean;
  /** Whether the residual lets it through. */
  readonly left: boolean;
}

function judged(text: string, when: Condition, event: CloudEvent, limits: FilterLimits = {}): Judged {
  const split = compileFilter(when, limits);
  assert.equal(split.native === null, split.kind === 'none');
  assert.equal(split.residual === null, split.kind === 'exact');
  const left = split.residual === null || compileCondition(split.residual)(event);
  return { text, event, split, matches: compileCondition(when)(event), left };
}

/** What is wrong, or undefined. */
function breach({ text, event, split, matches, left }: Judged, passes: boolean, judge: string): string | undefined {
  if (matches && !passes) return `${judge} loses the event: ${inspect({ text, event, split }, { depth: 9 })}`;
  if ((passes && left) === matches) return undefined;
  return `${judge}: native and residual is ${passes && left}, match is ${matches}: ${inspect({ text, event, split }, { depth: 9 })}`;
}

function libraryPasses(native: EventBridgePattern, event: CloudEvent): boolean {
  const matcher = createMatcher();
  matcher.add('it', readPatternText(JSON.stringify(native)));
  return matcher.matchText(Buffer.from(envelopeOf(event))).length > 0;
}

function* randomCases(seed: number, pairs: number): Generator<LawCase> {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  for (let i = 0; i < pairs; i++) yield randomCase(below);
}

const newSeed = (): number => Date.now() % 1_000_000_007;

test(`eventbridge filter: over ${PAIRS} random pairs no event is lost, and native with residual is match`, () => {
  const seed = newSeed();
  const kinds = { exact: 0, wider: 0, none: 0 };
  let matched = 0;

  for (const { text, when, event } of randomCases(seed, PAIRS)) {
    const one = judged(text, when, event);
    kinds[one.split.kind]++;
    if (one.matches) matched++;
    const { native } = one.split;
    const byFake = native === null || nativePasses(native, event);
    const byLibrary = native === null || libraryPasses(native, event);
    const wrong = breach(one, byFake, 'the fake bus') ?? breach(one, byLibrary, 'the library');
    assert.equal(wrong, undefined, `seed ${seed}: ${wrong}`);
  }

  assert.ok(matched > PAIRS / 3, `seed ${seed}: only ${matched} of ${PAIRS} match: the law was hardly tried`);
  assert.ok(Math.min(kinds.exact, kinds.wider, kinds.none) > PAIRS / 200, `seed ${seed}: ${inspect(kinds)}`);
});

test('eventbridge filter: a rule over the size limit drops clauses and loses no event', () => {
  const seed = newSeed();
  let dropped = 0;
  for (const { text, when, event } of randomCases(seed, PAIRS / 4)) {
    const maxPattern = 40 + (text.length % 90);
    const one = judged(text, when, event, { maxPattern });
    const { native } = one.split;
    if (native !== null) assert.ok(JSON.stringify(native).length <= maxPattern, text);
    if (one.split.why?.includes('are allowed') === true) dropped++;
    const wrong = breach(one, native === null || nativePasses(native, event), 'the fake bus');
    assert.equal(wrong, undefined, `seed ${seed}: ${wrong}`);
  }
  assert.ok(dropped > PAIRS / 40, `seed ${seed}: only ${dropped} rules were too long`);
});

/** Pairs for event-ruler, and what each of them was. */
function toAsk(cases: Iterable<Judged>): { readonly asked: readonly Judged[]; readonly pairs: readonly Pair[] } {
  const asked = [...cases].filter(({ split }) => split.native !== null);
  const pairs = asked.map(({ split, event }) => ({ pattern: JSON.stringify(split.native), event: envelopeOf(event) }));
  return { asked, pairs };
}

async function checkByRuler(cases: Iterable<Judged>, allowed: (one: Judged) => boolean, says: string): Promise<void> {
  assert.ok(ruler.ok);
  const { asked, pairs } = toAsk(cases);
  const verdicts = await ruler.judge(pairs);
  for (const [i, one] of asked.entries()) {
    const verdict = verdicts[i];
    assert.ok(verdict === 'match' || verdict === 'no-match', `${says}: event-ruler says ${verdict}: ${inspect(one)}`);
    const wrong = breach(one, verdict === 'match', 'event-ruler');
    if (wrong !== undefined && !allowed(one)) assert.fail(`${says}: ${wrong}`);
  }
}

const skip = ruler.ok ? false : ruler.reason;

/** Of each path, whether a value stands in an array of objects, and whether one stands in none. */
function standings(json: Json, path: string, inArray: boolean, found: Map<string, Set<boolean>>): void {
  if (json.kind === 'object') {
    for (const [name, value] of json.members) standings(value, `${path}.${name}`, inArray, found);
  } else if (json.kind === 'array') {
    for (const item of json.items)
      standings(item, path, inArray || item.kind === 'object' || item.kind === 'array', found);
  } else found.set(path, (found.get(path) ?? new Set()).add(inArray));
}

/**
 * A defect of event-ruler 2.1.0: where values of one path stand both in an array of objects and outside of one, those outside
 * are lost when another field has chosen an element. It takes names that repeat, or names with dots beside nested ones.
 */
function standsInAndOut({ event }: Judged): boolean {
  const json = readJson(envelopeOf(event));
  const found = new Map<string, Set<boolean>>();
  if (json !== undefined) standings(json, '', false, found);
  return [...found.values()].some(({ size }) => size > 1);
}

/**
 * event-ruler compares numbers by what the JVM prints. Before Java 19 that is not always the shortest text, as ECMAScript's
 * is: 1e23 and 2e23 are then no numbers to it, and 4.9e-324 is one.
 */
function printedByJvm({ event }: Judged): boolean {
  return /[12]e23\b|4\.9e-324/i.test(event.data?.bytes.toString() ?? '');
}

test(`eventbridge filter: by event-ruler, over ${PAIRS} random pairs, the law holds`, { skip }, async () => {
  const seed = newSeed();
  const cases = randomCases(seed, PAIRS);
  await checkByRuler(
    cases.map(({ text, when, event }) => judged(text, when, event)),
    (one) => standsInAndOut(one) || printedByJvm(one),
    `seed ${seed}`,
  );
});

interface Vector {
  readonly p: string;
  readonly e: string;
  readonly tags: readonly string[];
}

const vectorFile = new URL('../../fixtures/pattern-vectors/pattern-vectors.jsonl.gz', import.meta.url);

/** Each vector's pattern below `data` of a rule, its event as the data of an event, where both can be. */
function* vectorCases(): Generator<Judged & { readonly tags: readonly string[] }> {
  const lines = gunzipSync(readFileSync(vectorFile)).toString('utf8').trimEnd().split('\n');
  for (const { p, e, tags } of lines.map((line) => JSON.parse(line) as Vector)) {
    const event: CloudEvent = {
      attributes: { specversion: '1.0', id: 'v', source: '/vectors', type: 'vector' },
      data: jsonData(Buffer.from(e)),
    };
    let when: Condition;
    try {
      JSON.parse(e);
      when = readPatternText(`{"data":${p}}`);
      toEntry(event);
    } catch {
      continue;
    }
    yield { ...judged(`{"data":${p}}`, when, event), tags };
  }
}

test('eventbridge filter: event-ruler still loses a value outside of an array beside one inside', {
  skip,
}, async () => {
  assert.ok(ruler.ok);
  const pattern = '{"i":{"a":["x"],"u":[5]}}';
  const events = ['{"i":{"u":5},"i":[{"a":"x"},{"u":6}]}', '{"i":{"u":5},"i":[{"a":"x"},{"z":6}]}'];

  assert.deepEqual(await ruler.judge(events.map((event) => ({ pattern, event }))), ['no-match', 'match']);
});

test('eventbridge filter: the law holds on the published vectors, by the fake bus', () => {
  let tried = 0;
  for (const one of vectorCases()) {
    tried++;
    const { native } = one.split;
    const wrong = breach(one, native === null || nativePasses(native, one.event), 'the fake bus');
    assert.equal(wrong, undefined, wrong);
  }
  assert.ok(tried > 6_000, `only ${tried} vectors`);
});

test('eventbridge filter: the law holds on the published vectors, by event-ruler', { skip }, async () => {
  await checkByRuler(vectorCases(), printedByJvm, 'vectors');
});
