// Reading an answer up to a bound: what is over it is not read, whatever its headers say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUpTo } from '../../adapters/read-up-to.ts';

/** A body without an end, and how much of it was asked for. */
function endless(): { readonly response: Response; readonly read: () => number; readonly isCancelled: () => boolean } {
  let [read, cancelled] = [0, false];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(control) {
        read += 1_000;
        control.enqueue(new Uint8Array(1_000));
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { response: new Response(body), read: () => read, isCancelled: () => cancelled };
}

test('read up to: a body within the bound comes whole, none is empty', async () => {
  const text = 'é'.repeat(500);
  assert.equal((await readUpTo(new Response(text), 1_000))?.toString(), text);
  assert.deepEqual(await readUpTo(new Response(null), 0), Buffer.alloc(0));
});

test('read up to: one byte over is none, and the rest of a body without an end is given up', async () => {
  assert.equal(await readUpTo(new Response('é'.repeat(500)), 999), undefined);
  const { response, read, isCancelled } = endless();
  assert.equal(await readUpTo(response, 10_000), undefined);
  assert.deepEqual([read(), isCancelled()], [11_000, true]);
});

test('read up to: a body that breaks off rejects', async () => {
  const body = new ReadableStream({
    start(control) {
      control.enqueue(new Uint8Array(10));
      control.error(new Error('cut'));
    },
  });
  await assert.rejects(readUpTo(new Response(body), 1_000), /cut/);
});
