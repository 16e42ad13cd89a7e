// The measured side of benches of publishing: the same calls one after the other for as long as the order says.

import type { Adapter } from '../../../adapters/adapter.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { deliveryId } from '../payload.ts';
import type { Started } from './child.ts';

export interface PublishOrder {
  readonly forMs: number;
}

/** What an order came to. */
export interface Published {
  readonly events: number;
  readonly wallUs: number;
}

export interface Publishing {
  /** One call, with as many events each time. Rejects unless all of them were taken. */
  readonly call: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** `perCall`: events of a call. */
export function startedOf({ call, close }: Publishing, perCall: number): Started {
  return {
    port: 0,
    close,
    async work(order): Promise<Published> {
      const begun = performance.now();
      const end = begun + (order as PublishOrder).forMs;
      let events = 0;
      do {
        await call();
        events += perCall;
      } while (performance.now() < end);
      return { events, wallUs: (performance.now() - begun) * 1_000 };
    },
  };
}

/** A push as it leaves ingest; its id is the sample's number `n`. */
/** `parsed`: of `bytes`, as every source and codec hands an event on. */
export function sampleEvent(n: number, bytes: Buffer, parsed?: unknown): CloudEvent {
  return {
    attributes: {
      specversion: '1.0',
      id: deliveryId('sample', n),
      source: 'https://github.com/Codertocat/Hello-World',
      type: 'com.github.push',
      datacontenttype: 'application/json',
      subject: 'refs/heads/service-a',
      time: '2019-05-15T15:20:41Z',
      recordedtime: '2026-11-21T00:00:00.000Z',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    data: jsonData(bytes, parsed),
  };
}

export const adapterParts = (dataDir: string, env: Readonly<Record<string, string>> = {}) => ({
  dataDir,
  now: Date.now,
  env: (name: string): string | undefined => env[name],
  onWarning: console.error,
});

export async function publishBy(adapter: Adapter, events: readonly CloudEvent[]): Promise<void> {
  const results = await adapter.publish(events, AbortSignal.timeout(15_000));
  if (!results.every(({ ok }) => ok)) throw new Error(`publishing failed: ${JSON.stringify(results[0])}`);
}
