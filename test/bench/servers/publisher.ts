// Publishes the same events again and again in calls of one size: by our Kafka adapter, or by bare kafkajs.

import { open as openKafka } from '../../../adapters/kafka/adapter.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { deliveryId } from '../payload.ts';
import { type Started, serveBench } from './child.ts';
import { connectKafka, connectProducer, toMessage } from './floor-producer.ts';

export interface PublisherOptions {
  readonly by: 'adapter' | 'kafkajs';
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly dataDir: string;
  readonly perCall: number;
  /** Base64. */
  readonly body: string;
}

export interface PublishOrder {
  readonly forMs: number;
}

type Call = () => Promise<void>;

function eventsOf({ perCall, body }: PublisherOptions): readonly CloudEvent[] {
  const bytes = Buffer.from(body, 'base64');
  return Array.from({ length: perCall }, (_, i) => ({
    attributes: {
      specversion: '1.0',
      id: deliveryId('sample', i),
      source: 'https://github.com/Codertocat/Hello-World',
      type: 'com.github.push',
      datacontenttype: 'application/json',
      subject: 'refs/heads/service-a',
      time: '2019-05-15T15:20:41Z',
      recordedtime: '2026-11-21T00:00:00.000Z',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    data: { kind: 'json', bytes },
  }));
}

async function byAdapter(options: PublisherOptions): Promise<{ call: Call; close: () => Promise<void> }> {
  const events = eventsOf(options);
  const { brokers, topic, dataDir } = options;
  const parts = { dataDir, now: Date.now, env: () => undefined, onWarning: console.error };
  const adapter = await openKafka({ brokers, topic }, parts);
  const call = async (): Promise<void> => {
    const results = await adapter.publish(events, AbortSignal.timeout(15_000));
    if (!results.every(({ ok }) => ok)) throw new Error(`publishing failed: ${JSON.stringify(results[0])}`);
  };
  return { call, close: () => adapter.close() };
}

async function byKafkajs(options: PublisherOptions): Promise<{ call: Call; close: () => Promise<void> }> {
  const events = eventsOf(options);
  const { topic, partitions } = options;
  const producer = await connectProducer(connectKafka(options));
  let turn = 0;
  const call = async (): Promise<void> => {
    const partition = turn++ % partitions;
    const messages = events.map(({ attributes, data }) =>
      toMessage({ attributes: attributes as unknown as Record<string, string>, body: data!.bytes }, partition),
    );
    await producer.send({ topic, acks: -1, messages });
  };
  return { call, close: () => producer.disconnect() };
}

await serveBench<PublisherOptions>(async (options): Promise<Started> => {
  const { call, close } = await (options.by === 'adapter' ? byAdapter(options) : byKafkajs(options));
  return {
    port: 0,
    close,
    async work(order) {
      const end = performance.now() + (order as PublishOrder).forMs;
      let published = 0;
      do {
        await call();
        published += options.perCall;
      } while (performance.now() < end);
      return published;
    },
  };
});
