// What holds of every personality: it measures and refuses as the adapter of its bus does, and what it takes comes back from
// the wire as it was, for the rule it was meant for.

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { buses } from '../../adapters/registry.ts';
import type { Options } from '../../router/config.ts';
import { toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { poisons } from '../contract/adapter-cases.ts';
import { idle } from '../contract/adapter-harness.ts';
import { event, sameEvent } from '../harness/events.ts';

export interface PersonalityHarness {
  readonly options: Options;
  /** What the adapter needs to be opened; nothing answers there. */
  readonly env: Readonly<Record<string, string>>;
}

/** Bytes, or the code of what was thrown. */
function judged(sizeOf: (event: CloudEvent) => number, given: CloudEvent): number | string {
  try {
    return sizeOf(given);
  } catch (thrown) {
    return toRouterError(thrown).code;
  }
}

const long = fc.constantFrom('aws.s3', 'x'.repeat(129), 'é'.repeat(600), 'x'.repeat(1_025));
/** Also events that one bus or another cannot carry. */
const anyEvent: fc.Arbitrary<CloudEvent> = fc.oneof(
  { weight: 6, arbitrary: event },
  fc.tuple(event, fc.constantFrom('type', 'source', 'subject', 'partitionkey'), long).map(([given, name, text]) => ({
    ...given,
    attributes: { ...given.attributes, [name]: text },
  })),
  fc.constantFrom(...poisons('c4n4ry')),
);

export function personalityLaws(name: string, { options, env }: PersonalityHarness): void {
  const kind = buses[name]!;
  const when = readPatternText('{"type":["t"]}');
  const parts = { dataDir: tmpdir(), now: () => 0, env: (key: string) => env[key], onWarning: () => undefined };

  test(`${name} personality: it has the limits of its adapter, and measures and refuses every event alike`, async () => {
    const personality = (await kind.loadPersonality!())(options);
    const adapter = await (await kind.load()).open(options, parts);
    const sizes = new Set<string>();
    try {
      assert.equal(personality.name, name);
      assert.deepEqual(personality.limits, adapter.limits);
      assert.equal(personality.order, adapter.capabilities.order);
      const alike = async (given: CloudEvent): Promise<void> => {
        const [mine, due] = [judged(personality.sizeOf, given), judged(adapter.sizeOf, given)];
        sizes.add(typeof mine);
        if (mine === due) return;
        // Some say it only when they are to send it, and then before anything is sent.
        const [result] = await adapter.publish([given], idle);
        assert.equal(result!.ok || result!.code, mine);
      };
      await fc.assert(fc.asyncProperty(anyEvent, alike), { numRuns: 500 });
      assert.equal(sizes.size, 2, 'only taken, or only refused');
    } finally {
      await adapter.close();
    }
  });

  test(`${name} personality: what it takes comes back from the wire as it was, with its rule`, async () => {
    const personality = (await kind.loadPersonality!())(options);
    let carried = 0;

    fc.assert(
      fc.property(anyEvent, fc.constantFrom('r', 'a-rule', 'A.rule_2'), (given, rule) => {
        if (typeof judged(personality.sizeOf, given) === 'string') return;
        const decoded = personality.subscriptionOf({ name: rule, when }).carry(given);
        assert.ok(decoded.ok, decoded.ok ? '' : decoded.reason);
        assert.ok(sameEvent(decoded.event, given));
        assert.equal(decoded.rule, rule);
        carried++;
      }),
      { numRuns: 500 },
    );

    assert.ok(carried > 250, `only ${carried} were carried`);
  });

  test(`${name} personality: its waits grow or stay, and chance moves them a little`, async () => {
    const { subscriptionOf, deliveries } = (await kind.loadPersonality!())(options);
    const { againAfterMs } = subscriptionOf({ name: 'r', when });
    const many = Math.min(deliveries, 200);

    for (let attempt = 1; attempt < many; attempt++) {
      const [least, most] = [againAfterMs(attempt, 0), againAfterMs(attempt, 0.999)];
      assert.ok(least >= 1_000 && most <= least * 1.25, `${attempt}: ${least} to ${most}`);
      assert.ok(againAfterMs(attempt + 1, 0) >= least);
    }
  });
}
