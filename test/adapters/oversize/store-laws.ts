// The laws of every store of oversized data, for a test file to run against its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf } from '../../../adapters/dataref.ts';
import type { DataStore } from '../../../adapters/oversize/store.ts';
import { RouterError } from '../../../router/errors.ts';
import { isUriReference } from '../../../router/event.ts';

export interface StoreScene {
  readonly store: DataStore;
  readonly uriPrefix: string;
  close(): Promise<void>;
}

export const idle = new AbortController().signal;

export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'ok',
    (thrown: unknown) => (thrown instanceof RouterError ? thrown.code : String(thrown)),
  );
}

export const nameOf = (bytes: Buffer): string => objectOf({ kind: 'binary', bytes }).name;

export function storeLaws(kind: string, open: () => Promise<StoreScene>, skip: string | false = false): void {
  async function withStore(check: (scene: StoreScene) => Promise<void>): Promise<void> {
    const scene = await open();
    try {
      await check(scene);
    } finally {
      await scene.close();
    }
  }

  test(`${kind}: what was put comes back byte by byte, also none and megabytes of them`, { skip }, () =>
    withStore(async ({ store }) => {
      const large = Buffer.from(Array.from({ length: 3_000_001 }, (_, i) => (i * 31) % 256));
      const all = [Buffer.alloc(0), Buffer.from([0, 255, 10, 13]), Buffer.from('{"a":"€😀"}'), large];
      for (const bytes of all) await store.put(nameOf(bytes), bytes, idle);
      for (const bytes of all) assert.ok((await store.get(nameOf(bytes))).equals(bytes), `${bytes.length} bytes`);
    }),
  );

  test(`${kind}: putting the same again, also at once, leaves it whole`, { skip }, () =>
    withStore(async ({ store }) => {
      const bytes = Buffer.alloc(200_000, 'abc');
      await Promise.all(Array.from({ length: 5 }, () => store.put(nameOf(bytes), bytes, idle)));
      await store.put(nameOf(bytes), bytes, idle);
      assert.ok((await store.get(nameOf(bytes))).equals(bytes));
    }),
  );

  test(`${kind}: what is not there is DATA_GONE`, { skip }, () =>
    withStore(async ({ store }) => {
      assert.equal(await codeOf(store.get(nameOf(Buffer.from('never put')))), 'DATA_GONE');
    }),
  );

  test(`${kind}: a put that was given up rejects`, { skip }, () =>
    withStore(async ({ store }) => {
      const bytes = Buffer.from('given up');
      assert.equal(await codeOf(store.put(nameOf(bytes), bytes, AbortSignal.abort())), 'DATA_UNAVAILABLE');
      assert.equal(await codeOf(store.get(nameOf(bytes))), 'DATA_GONE');
    }),
  );

  test(`${kind}: its references are URIs that every bus carries`, { skip }, () =>
    withStore(async ({ uriPrefix }) => {
      const reference = uriPrefix + nameOf(Buffer.from('x'));
      assert.ok(isUriReference(reference), reference);
      // Pub/Sub: an attribute.
      assert.ok(reference.length <= 1_024);
    }),
  );
}
