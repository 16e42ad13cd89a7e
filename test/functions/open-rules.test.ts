// Opening a document's rules: every target or none, each behind slots of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSlots, type OpenRules, openRules, type TargetKinds } from '../../functions/open-rules.ts';
import type { Target, TargetParts } from '../../functions/targets/target.ts';
import type { Delivery, Verdict } from '../../router/consume.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';

const idle = new AbortController().signal;
const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/o', type: 't' } };
const delivery = (rule = 'r'): Delivery => ({ event, rule, attempt: 1 });

interface Scene {
  readonly kinds: TargetKinds;
  readonly closed: string[];
  readonly given: TargetParts[];
  readonly under: (() => void)[];
}

function openScene(): Scene {
  const closed: string[] = [];
  const given: TargetParts[] = [];
  const under: (() => void)[] = [];
  const target = (rule: string, deliver: Target['deliver']): Target => ({
    label: `label of ${rule}`,
    deliver,
    close: async () => void closed.push(rule),
  });
  const kind = (deliver: Target['deliver']) => ({
    says: '',
    options: {},
    load: async () => ({
      open: async (_options: unknown, parts: TargetParts) => {
        given.push(parts);
        return target(parts.rule, deliver);
      },
    }),
  });
  const hang = (_delivery: Delivery, signal: AbortSignal): Promise<Verdict> =>
    new Promise((resolve) => {
      under.push(() => resolve({ kind: 'ack' }));
      signal.addEventListener('abort', () => resolve({ kind: 'retry', code: 'ABORTED', reason: 'given up' }));
    });
  const kinds: TargetKinds = {
    fine: kind(async () => ({ kind: 'ack' })),
    hangs: kind(hang),
    throws: kind(async () => {
      throw new Error('broken');
    }),
    broken: {
      says: '',
      options: {},
      load: async () => ({
        open: async (_options, { rule }) => {
          throw new RouterError('SECRET_MISSING', `rule '${rule}': no secret`);
        },
      }),
    },
  };
  return { kinds, closed, given, under };
}

function open({ kinds }: Scene, targets: Readonly<Record<string, string>>): Promise<OpenRules> {
  const rules = Object.entries(targets).map(([name, kind]) => ({
    name,
    when: { type: ['t'] },
    to: { [kind]: {} },
    ...(name.startsWith('o') ? { order: 'key' } : {}),
  }));
  const document = checkDocument({ rules }, { buses: { embedded: { options: {} } }, sources: {}, targets: kinds });
  const parts = {
    baseDir: '/',
    local: true,
    env: () => undefined,
    now: Date.now,
    onWarning: () => undefined,
    print: () => undefined,
  };
  return openRules(document, kinds, parts);
}

test('open-rules: each rule has its target, in document order, and knows its own name', async () => {
  const scene = openScene();
  const opened = await open(scene, { r: 'fine', o: 'fine' });

  assert.deepEqual([...opened.rules.keys()], ['r', 'o']);
  assert.deepEqual(
    scene.given.map(({ rule }) => rule),
    ['r', 'o'],
  );
  assert.equal(opened.labels.get('o'), 'label of o');
  assert.deepEqual(
    [...opened.rules.values()].map(({ ordered }) => ordered),
    [false, true],
  );
  const rule = opened.rules.get('r')!;
  assert.equal(rule.matches(event), true);
  assert.equal(rule.matches({ attributes: { ...event.attributes, type: 'x' } }), false);
  assert.deepEqual(await rule.deliver(delivery(), idle), { kind: 'ack' });
  await opened.close();
  assert.deepEqual(scene.closed, ['r', 'o']);
});

test('open-rules: a target that cannot be opened is thrown with its rule, and the others are closed', async () => {
  const scene = openScene();
  await assert.rejects(open(scene, { a: 'fine', b: 'broken', c: 'fine' }), { code: 'SECRET_MISSING', message: /'b'/ });
  assert.deepEqual(scene.closed, ['a']);
});

test('open-rules: a hanging target fills its own slots and its own waiting room and nobody else’s', async () => {
  const scene = openScene();
  const opened = await open(scene, { hang: 'hangs', r: 'fine' });
  const hanging = opened.rules.get('hang')!;
  const control = new AbortController();
  const total = defaultSlots.slots + defaultSlots.waiting;
  const verdicts = Array.from({ length: total }, () => hanging.deliver(delivery('hang'), control.signal));

  const over = await hanging.deliver(delivery('hang'), control.signal);
  assert.ok(over.kind === 'retry' && over.code === 'TARGET_BUSY');
  assert.equal(scene.under.length, defaultSlots.slots);
  assert.deepEqual(await opened.rules.get('r')!.deliver(delivery(), idle), { kind: 'ack' });

  const begun = performance.now();
  control.abort();
  const ended = await Promise.all(verdicts);
  assert.ok(performance.now() - begun < 1_000, 'those who wait for a slot are given up, too');
  assert.ok(ended.every((verdict) => verdict.kind === 'retry'));
  await opened.close();
});

test('open-rules: closing waits for what is under way, so that a changed document sends nothing twice', async () => {
  const scene = openScene();
  const opened = await open(scene, { hang: 'hangs' });
  const verdict = opened.rules.get('hang')!.deliver(delivery('hang'), idle);

  const closings = [opened.close(), opened.close()];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(scene.closed, []);
  scene.under[0]!();
  await Promise.all(closings);

  assert.deepEqual(await verdict, { kind: 'ack' });
  assert.deepEqual(scene.closed, ['hang']);
});

test('open-rules: every slot comes back after an abort, a verdict or a throw', async () => {
  const scene = openScene();
  const opened = await open(scene, { hang: 'hangs', bad: 'throws' });
  const hanging = opened.rules.get('hang')!;
  for (let round = 0; round < 3; round++) {
    const control = new AbortController();
    const all = Array.from({ length: defaultSlots.slots * 2 }, () => hanging.deliver(delivery('hang'), control.signal));
    await new Promise((resolve) => setImmediate(resolve));
    // Half of those that hold a slot end, their slots go to some that wait; then all is given up.
    for (const end of scene.under.splice(0, 32)) end();
    control.abort();
    await Promise.all(all);
    scene.under.length = 0;
  }
  const held = Array.from({ length: defaultSlots.slots }, () => hanging.deliver(delivery('hang'), idle));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(scene.under.length, defaultSlots.slots, 'all slots can be taken once more');
  for (const end of scene.under) end();
  await Promise.all(held);

  const bad = opened.rules.get('bad')!;
  for (let i = 0; i < defaultSlots.slots * 2; i++) await assert.rejects(bad.deliver(delivery('bad'), idle), /broken/);
  await opened.close();
});
