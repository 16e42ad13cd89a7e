// Adapter laws of the port itself: giving up, closing, what is missing, what is hostile, what is secret, and the compile
// law over random rules and random events.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import type { Adapter } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { compileCondition } from '../../router/condition.ts';
import type { Problem } from '../../router/config.ts';
import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import type { Pattern } from '../../router/pattern.ts';
import { parsePattern } from '../../router/read-pattern.ts';
import { sameEvent } from '../harness/events.ts';
import { hostilePayloads, poisons } from './adapter-cases.ts';
import {
  type AdapterLaw,
  codeOf,
  idle,
  type Law,
  made,
  publishShapes,
  record,
  withScene,
  withSpecial,
} from './adapter-harness.ts';

const throttled: Law = ({ harness }) =>
  withSpecial(harness.openThrottled, async ({ adapter }) => {
    const [result] = await adapter.publish([made('a')], idle);

    assert.ok(result !== undefined && !result.ok, inspect(result));
    assert.deepEqual([result.code, result.retryable], ['THROTTLED', true]);
    assert.ok((result.retryAfterMs ?? 0) > 0, 'a hint when to come again');
  });

async function endsWithin1s(work: () => Promise<unknown>, allowed: readonly ErrorCode[]): Promise<void> {
  const begun = performance.now();
  const code = await codeOf(work);
  assert.ok(performance.now() - begun < 1_000, 'it took more than 1 s');
  assert.ok(allowed.includes(code), `found ${code}`);
}

const aborted: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    await endsWithin1s(() => adapter.publish([made('a')], AbortSignal.abort()), ['ABORTED']);
  });

const abortUnderWay: Law = ({ harness }) =>
  withSpecial(harness.openStalled, async ({ adapter }) => {
    const control = new AbortController();
    const publishing = adapter.publish([made('a')], control.signal);
    publishing.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));

    control.abort();

    await endsWithin1s(() => publishing, ['ABORTED', 'BUS_UNAVAILABLE']);
  });

const closed: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const bus = createBus(adapter, { ...busDefaults, now: Date.now });
    const closing = adapter.close();
    await Promise.all([closing, adapter.close()]);
    await adapter.close();

    assert.equal(await codeOf(() => adapter.publish([made('a')], idle)), 'CLOSED');
    const [result] = await bus.publish([made('b')]);
    assert.ok(result !== undefined && !result.ok && result.code === 'CLOSED', inspect(result));
    if (adapter.subscribe !== undefined) {
      assert.equal(await codeOf(async () => adapter.subscribe!(record({}).consumer, idle)), 'CLOSED');
    }
  });

const check: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    await adapter.check(AbortSignal.timeout(parts.waitMs));
  });

const missing: Law = ({ harness, waitMs }) =>
  withSpecial(harness.openMissing, async ({ adapter }) => {
    assert.equal(await codeOf(() => adapter.check(AbortSignal.timeout(waitMs))), 'NOT_FOUND');
    const answers = await adapter.publish([made('a'), made('b')], AbortSignal.timeout(waitMs));

    assert.equal(answers.length, 2);
    for (const answer of answers)
      assert.ok(!answer.ok && answer.code === 'NOT_FOUND' && !answer.retryable, inspect(answer));
    // At once, and not after the bus's deadline.
    const begun = performance.now();
    await createBus(adapter, { ...busDefaults, now: Date.now }).publish([made('c')]);
    assert.ok(performance.now() - begun < busDefaults.deadlineMs);
  });

function decodeOrCode(adapter: Adapter, payload: unknown): 'refused' | 'UNSUPPORTED' {
  try {
    for (const entry of adapter.decode(payload)) {
      assert.equal(typeof entry.handle, 'string');
      if (entry.ok) continue;
      assert.ok(Object.hasOwn(errorTable, entry.code) && entry.reason.length > 0 && Buffer.isBuffer(entry.bytes));
    }
    return 'refused';
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError && thrown.code === 'UNSUPPORTED', `threw ${inspect(thrown)}`);
    return 'UNSUPPORTED';
  }
}

const hostilePush: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const answers = new Set(hostilePayloads().map((payload) => decodeOrCode(adapter, payload)));

    assert.equal(answers.size, 1, 'decode is there or it is not');
    if (adapter.capabilities.delivery === 'push') assert.deepEqual([...answers], ['refused']);
  });

const identity: Law = (parts) =>
  withScene(parts, async (scene) => {
    assert.ok(scene.pushed !== undefined, 'give the scene pushed(), or list the law under skip');
    const sent = await publishShapes(parts, scene.adapter);

    const decoded = (await scene.pushed()).flatMap((payload) => scene.adapter.decode(payload));

    assert.equal(decoded.length, sent.length);
    assert.equal(new Set(decoded.map((entry) => entry.handle)).size, sent.length, 'handles name one record each');
    for (const event of sent) {
      const found = decoded.some((entry) => entry.ok && sameEvent(entry.event, event));
      assert.ok(found, `'${event.attributes.id}' did not come back`);
    }
  });

/** Everything a person or a log could get to see of an adapter that has gone wrong in every way at hand. */
async function everythingSaid(adapter: Adapter): Promise<unknown[]> {
  const short = AbortSignal.timeout(1_000);
  const said: unknown[] = [adapter];
  const keep = async (work: () => Promise<unknown>): Promise<void> => {
    said.push(await work().catch((thrown: unknown) => thrown));
  };
  await keep(() => adapter.check(short));
  await keep(() => adapter.publish([made('a'), ...poisons('x')], short));
  await keep(() => adapter.publish([made('b')], AbortSignal.abort()));
  await keep(async () => adapter.decode({ records: { t: [{ value: 7 }] } }));
  await adapter.close();
  await keep(() => adapter.publish([made('c')], idle));
  return said;
}

const canary: Law = async (parts) => {
  const { harness } = parts;
  const seen = async ({ adapter, warnings = [] }: { adapter: Adapter; warnings?: readonly string[] }) => {
    const said = [...(await everythingSaid(adapter)), ...warnings];
    const text = said.map((item) => inspect(item, { depth: Number.POSITIVE_INFINITY, showHidden: true })).join('\n');
    assert.ok(!text.includes(harness.canary), `the secret is in:\n${text.slice(0, 4_000)}`);
  };
  await withScene(parts, seen);
  if (harness.openMissing !== undefined) await withSpecial(harness.openMissing, seen);
  if (harness.openStalled !== undefined) await withSpecial(harness.openStalled, seen);
};

const unsupported: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const { delivery, replay } = adapter.capabilities;
    const { tail } = adapter;
    const { consumer } = record({});

    assert.equal(delivery, parts.harness.delivery);
    if (delivery === 'push' && adapter.subscribe !== undefined) {
      assert.equal(await codeOf(async () => adapter.subscribe!(consumer, AbortSignal.timeout(1_000))), 'UNSUPPORTED');
    }
    if (delivery !== 'push') assert.ok(adapter.subscribe !== undefined, 'who does not push has subscribe');
    if (replay) assert.ok(tail !== undefined, 'who can replay has tail');
    else if (tail !== undefined) {
      const first = async () => tail({ last: 1, follow: false }, idle)[Symbol.asyncIterator]().next();
      assert.equal(await codeOf(first), 'UNSUPPORTED');
    }
  });

const word = fc.constantFrom('a', 'ab', 'b', 'ba', 'c');
const scalar = fc.oneof(word, fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constant(null));
const test = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.record({ prefix: word }),
  fc.record({ suffix: word }),
  fc.record({ exists: fc.boolean() }),
  fc.record({
    'anything-but': fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 2 }), fc.record({ prefix: word })),
  }),
  fc.record({ numeric: fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), fc.integer({ min: 0, max: 3 })) }),
);
const leaf = fc.array(test, { minLength: 1, maxLength: 3 });
/** One or two of the fields: with more, hardly any event would match. */
function some(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(fields);
  return fc
    .subarray(names, { minLength: 1, maxLength: Math.min(2, names.length) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen.map((name) => [name, fields[name]!]))));
}
const dataPattern = fc.oneof(some({ x: leaf, y: leaf }), some({ o: some({ x: leaf, y: leaf }) }), leaf);
const plain = some({ type: leaf, source: leaf, subject: leaf, ext: leaf, missing: leaf, data: dataPattern });
// Half of those with $or set a path twice in one branch, which documents may not.
const pattern = fc
  .oneof(
    { weight: 3, arbitrary: plain },
    { weight: 2, arbitrary: fc.tuple(fc.tuple(plain, plain), plain).map(([$or, rest]) => ({ ...rest, $or })) },
  )
  .filter((raw) => parsePattern(raw, 'when', []) !== undefined);

const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }));
const objects = fc.record({ x: value, y: value }, { requiredKeys: [] });
const body = fc.oneof(
  fc.record({ x: value, y: value, o: fc.oneof(objects, fc.array(objects, { maxLength: 2 })) }, { requiredKeys: [] }),
  value,
);
const smallEvent: fc.Arbitrary<CloudEvent> = fc
  .record(
    {
      type: word,
      source: word,
      subject: word,
      ext: fc.oneof(word, fc.integer({ min: 0, max: 3 }), fc.boolean()),
      body,
    },
    { requiredKeys: ['type', 'source'] },
  )
  .map(({ body: data, ...given }) => ({
    attributes: { specversion: '1.0', id: 'e', ...given },
    ...(data === undefined ? {} : { data: jsonData(Buffer.from(JSON.stringify(data))) }),
  }));

function readPattern(raw: unknown): Pattern {
  const problems: Problem[] = [];
  const parsed = parsePattern(raw, 'when', problems);
  assert.ok(parsed !== undefined, inspect(problems));
  return parsed;
}

const compile: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    let matched = 0;
    fc.assert(
      fc.property(pattern, fc.array(smallEvent, { minLength: 20, maxLength: 20 }), (raw, events) => {
        const when = readPattern(raw);
        const { kind, native, residual } = adapter.compile(when);
        assert.equal(native === null, kind === 'none');
        assert.equal(residual === null, kind === 'exact');
        const matches = compileCondition(when);
        const left = residual === null ? () => true : compileCondition(residual);
        if (native !== null) assert.ok(parts.harness.nativePasses !== undefined, 'the harness needs nativePasses()');
        for (const event of events) {
          const passes = native === null || parts.harness.nativePasses!(native, event);
          if (matches(event)) {
            matched++;
            assert.ok(passes, `native holds back what matches: ${inspect(native)}`);
          }
          assert.equal(
            passes && left(event),
            matches(event),
            `native ${inspect(native)}, residual ${inspect(residual)}`,
          );
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(matched > 300, `only ${matched} events matched: the law was hardly tried`);
  });

export const portLaws = {
  throttled,
  aborted,
  'abort under way': abortUnderWay,
  closed,
  check,
  missing,
  'hostile push': hostilePush,
  identity,
  canary,
  unsupported,
  compile,
} satisfies Partial<Record<AdapterLaw, Law>>;
