// A bus that behaves like another delivers to each rule what it delivers without: only time, order and repeats differ. And
// it does behave so: some events come twice, order is kept where that bus keeps it and nowhere else.

import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPatternText } from '../../router/pattern-text.ts';
import { imitable, made, pairOf, personalityOf, randomScene, runScene } from './like-scene.ts';

const SPEED = 2_000;
const imported: string[] = [];
registerHooks({
  resolve(specifier, context, next) {
    imported.push(specifier);
    return next(specifier, context);
  },
});

const setOf = (pairs: readonly string[]): string[] => [...new Set(pairs)].sort();
const seedOf = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const always = () => ({ kind: 'ack' }) as const;

for (const name of imitable) {
  test(`like ${name}: each rule is delivered the same events as without, none is lost, and some come twice`, async () => {
    const personality = await personalityOf(name);
    let [due, repeats] = [0, 0];

    const sameSet = async (sceneSeed: number, seed: number): Promise<void> => {
      const scene = randomScene(sceneSeed);
      const like = await runScene(scene, { personality, seed, speed: SPEED });
      const carried = scene.events.filter(({ attributes }) => !like.refused.has(attributes.id));
      const plain = await runScene({ ...scene, events: carried });

      assert.deepEqual(setOf(like.delivered), setOf(plain.delivered));
      assert.deepEqual(like.failed, plain.failed);
      assert.deepEqual(setOf([...like.refused.values()]), like.refused.size === 0 ? [] : ['NOT_CARRIABLE']);
      due += plain.delivered.length;
      repeats += like.delivered.length - setOf(like.delivered).length;
    };
    await fc.assert(fc.asyncProperty(seedOf, seedOf, sameSet), { numRuns: 8, endOnFailure: true });

    assert.ok(due > 200, `only ${due} deliveries were due: the promise was hardly tried`);
    assert.ok(repeats > 0, 'no event came twice');
  });
}

const keyed = Array.from({ length: 60 }, (_, i) => made(`e${i}`, { partitionkey: `k${i % 3}` }));
const when = readPatternText('{"type":["t"]}');
const scene = {
  rules: [
    { name: 'ordered', when, retry: { attempts: 5, firstMs: 1, maxMs: 4 }, order: 'key' as const },
    { name: 'any', when, retry: { attempts: 5, firstMs: 1, maxMs: 4 }, order: undefined },
  ],
  events: keyed,
};

/** Whether the first deliveries of each key came in the order of publishing. */
function inOrder(rule: string, delivered: readonly string[]): boolean {
  const firsts = [...new Set(delivered)];
  return [0, 1, 2].every((key) => {
    const due = keyed.filter((_, i) => i % 3 === key).map((event) => pairOf(rule, event));
    assert.equal(firsts.filter((pair) => due.includes(pair)).length, due.length);
    return firsts.filter((pair) => due.includes(pair)).join() === due.join();
  });
}

for (const [name, kept] of [
  ['pubsub', true],
  ['eventbridge', false],
  ['eventgrid', false],
] as const) {
  test(`like ${name}: ${kept ? 'order per key is kept where a rule asks for it, and only there' : 'no order is kept'}`, async () => {
    const { delivered } = await runScene(scene, { personality: await personalityOf(name), seed: 3 }, always);

    assert.equal(inOrder('ordered', delivered), kept);
    assert.equal(inOrder('any', delivered), false);
  });
}

test('like: no cloud SDK is loaded for it', () => {
  assert.ok(imported.some((specifier) => specifier.endsWith('eventgrid/personality.ts')));
  assert.deepEqual(
    imported.filter((specifier) => /^@(?:aws-sdk|smithy|google-cloud|azure)\//.test(specifier)),
    [],
  );
});
