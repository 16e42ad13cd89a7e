// The fn target by module path: what a handler is given and what its ways to end mean.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FnContext, type FnEvent, type FnHandler, open } from '../../../functions/targets/fn.ts';
import type { Target, Verdict } from '../../../functions/targets/target.ts';
import { RouterError } from '../../../router/errors.ts';
import { binaryData, type CloudEvent, dataValue, textData } from '../../../router/event.ts';
import { targetEvent, targetParts, testTarget } from '../../contract/target.ts';

const idle = new AbortController().signal;
const CANARY = 'c4n4ry-in-an-error-text';

testTarget({
  name: 'fn',
  env: { CANARY },
  async open(behaviour, parts) {
    const given: string[] = [];
    const handler: FnHandler = ({ id }) => {
      given.push(id);
      if (behaviour === 'hangs') return new Promise(() => {});
      if (behaviour === 'fails') throw new Error(`GET https://x.example/?token=${CANARY} failed`);
      return undefined;
    };
    const target = await open({ module: './h.ts' }, parts, { load: async () => ({ handler }) });
    return { target, given: () => given, close: async () => {} };
  },
});

async function openWith(t: TestContext, handler: unknown, timeoutMs = 5_000): Promise<Target> {
  const options = { module: './h.ts', timeoutMs };
  const target = await open(options, targetParts().parts, { load: async () => ({ handler }) });
  t.after(() => target.close());
  return target;
}

const deliver = (target: Target, event: CloudEvent = targetEvent('e1'), attempt = 1): Promise<Verdict> =>
  target.deliver({ event, rule: 'r1', attempt }, idle);

/** A folder with modules, deleted at the end. */
async function folder(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'busway-fn-'));
  t.after(() => rm(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

test('fn: a handler gets the event in its JSON form, the rule, the attempt and a signal', async (t) => {
  const calls: [FnEvent, FnContext][] = [];
  const target = await openWith(t, (event: FnEvent, context: FnContext) => void calls.push([event, context]));
  const { attributes } = targetEvent('e1');

  await deliver(target, targetEvent('e1'), 3);
  await deliver(target, { attributes });
  await deliver(target, targetEvent('e1', textData('hi')));
  await deliver(target, targetEvent('e1', binaryData(Buffer.from([1, 2]))));

  assert.deepEqual(
    calls.map(([event]) => event),
    [
      { ...attributes, data: { n: 1.1 } },
      attributes,
      { ...attributes, data: 'hi' },
      { ...attributes, data_base64: 'AQI=' },
    ],
  );
  const { rule, attempt, signal } = calls[0]![1];
  assert.deepEqual([rule, attempt, signal.aborted], ['r1', 3, false]);
});

test('fn: what a handler does to its event touches no other rule', async (t) => {
  const target = await openWith(t, (event: { id: string; data: { n: number } }) => {
    event.id = 'changed';
    event.data.n = 2;
  });
  const event = targetEvent('e1');
  const before = dataValue(event);

  await deliver(target, event);

  assert.deepEqual(before, { n: 1.1 });
  assert.equal(event.attributes.id, 'e1');
});

test('fn: returning acknowledges, throwing is tried again, and the reason shows the place but not the text', async (t) => {
  const baseDir = await folder(t, {
    'good.mjs': 'export const handler = async () => ({ anything: true });',
    'default.mjs': 'export default () => {};',
    'bad.mjs': `export function handler() {\n  throw Object.assign(new TypeError('${CANARY}'), { code: 'E_CODE' });\n}`,
  });
  const { parts } = targetParts({ baseDir });
  const openModule = (module: string) => open({ module }, parts);

  assert.deepEqual(await deliver(await openModule('./good.mjs')), { kind: 'ack' });
  assert.deepEqual(await deliver(await openModule('default.mjs')), { kind: 'ack' });
  assert.deepEqual(await deliver(await openModule('./bad.mjs')), {
    kind: 'retry',
    code: 'TARGET_FAILED',
    reason: 'fn ./bad.mjs threw TypeError E_CODE at bad.mjs:2',
  });
});

test('fn: whatever is thrown ends in a verdict', async (t) => {
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('no');
    },
  });
  const things: unknown[] = [null, undefined, 'text', 7, Symbol('s'), { name: 'Error' }, hostile, Object.create(null)];
  things.push({ name: 'RouterError', code: 'NO_SUCH_CODE' }, { name: 'RouterError', code: 'toString' });

  for (const thing of things) {
    for (const handler of [() => Promise.reject(thing), () => assertThrown(thing)]) {
      const verdict = await deliver(await openWith(t, handler));
      assert.equal(verdict.kind, 'retry');
      assert.equal((verdict as { code: string }).code, 'TARGET_FAILED');
    }
  }
});

function assertThrown(thing: unknown): never {
  throw thing;
}

test('fn: a RouterError speaks for itself: dead when its code is not worth another try', async (t) => {
  const dead = await openWith(t, () => {
    throw new RouterError('REQUEST_INVALID', 'order 17 has no customer');
  });
  const later = await openWith(t, () =>
    Promise.reject({ name: 'RouterError', code: 'THROTTLED', message: 'slow down' }),
  );

  assert.deepEqual(await deliver(dead), {
    kind: 'dead',
    code: 'REQUEST_INVALID',
    reason: 'fn ./h.ts: order 17 has no customer',
  });
  assert.deepEqual(await deliver(later), { kind: 'retry', code: 'THROTTLED', reason: 'fn ./h.ts: slow down' });
});

test('fn: a hang is TARGET_TIMEOUT, the handler is told, and a late throw is dropped', async (t) => {
  const told = Promise.withResolvers<void>();
  const target = await openWith(
    t,
    (_event: FnEvent, { signal }: FnContext) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          told.resolve();
          reject(new Error('late'));
        });
      }),
    50,
  );

  const verdict = await deliver(target);

  assert.deepEqual(verdict, { kind: 'retry', code: 'TARGET_TIMEOUT', reason: 'fn ./h.ts: not done within 50 ms' });
  await told.promise;
});

test('fn: data that is not JSON is dead, since no attempt can help it', async (t) => {
  const target = await openWith(t, () => {});
  const event = { ...targetEvent('e1'), data: { kind: 'json', bytes: Buffer.from('{') } } as const;

  const verdict = await deliver(target, event);

  assert.equal(verdict.kind, 'dead');
});

test('fn: neither or both of module and arn, and a module that gives no function, are refused', async (t) => {
  const baseDir = await folder(t, {
    'none.mjs': 'export const handle = () => {}; export const handler = 1;',
    'empty.mjs': '',
    'broken.mjs': 'export const handler = (',
    'throws.mjs': `throw new Error('${CANARY}');`,
  });
  const { parts } = targetParts({ baseDir });
  const refused = (options: Record<string, string>, says: RegExp) =>
    assert.rejects(open(options, parts), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, says);
      assert.ok(!error.message.includes(CANARY));
      return true;
    });

  await refused({}, /rule 'r1': to\.fn takes exactly one of module and arn, found neither/);
  await refused({ module: './h.ts', arn: 'arn:x' }, /found both/);
  await refused({ module: './none.mjs' }, /must export a function named 'handler', found handle, handler/);
  await refused({ module: './empty.mjs' }, /found nothing/);
  await refused({ module: './broken.mjs' }, /cannot be loaded: SyntaxError/);
  await refused({ module: './throws.mjs' }, /cannot be loaded: Error at throws\.mjs:1/);
  await refused({ module: './missing.mjs' }, /cannot be loaded: .*ERR_MODULE_NOT_FOUND; paths are relative to/);
});
