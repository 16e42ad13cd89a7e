// Publishes the same events to Kafka again and again in calls of one size: by our adapter with either of its clients, or by
// bare kafkajs.

import { open as openKafka } from '../../../adapters/kafka/adapter.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { serveBench } from './child.ts';
import { connectKafka, connectProducer, toMessage } from './floor-producer.ts';
import { adapterParts, type Publishing, publishBy, sampleEvent, startedOf } from './publishing.ts';

export interface PublisherOptions {
  /** `platformatic`: our adapter with its second client. */
  readonly by: 'adapter' | 'platformatic' | 'kafkajs';
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly dataDir: string;
  readonly perCall: number;
  /** Base64. */
  readonly body: string;
}

async function byAdapter(options: PublisherOptions, events: readonly CloudEvent[]): Promise<Publishing> {
  const { by, brokers, topic, dataDir } = options;
  const client = by === 'platformatic' ? { client: by } : {};
  const adapter = await openKafka({ brokers, topic, ...client }, adapterParts(dataDir));
  return { call: () => publishBy(adapter, events), close: () => adapter.close() };
}

async function byKafkajs(options: PublisherOptions, events: readonly CloudEvent[]): Promise<Publishing> {
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

await serveBench<PublisherOptions>(async (options) => {
  const bytes = Buffer.from(options.body, 'base64');
  const events = Array.from({ length: options.perCall }, (_, i) => sampleEvent(i, bytes));
  const open = options.by === 'kafkajs' ? byKafkajs : byAdapter;
  return startedOf(await open(options, events), options.perCall);
});
