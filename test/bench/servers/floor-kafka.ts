// The floor of P1k: the hand-written intake in front of a bare kafkajs producer.

import { serveBench } from './child.ts';
import { serveIntake } from './floor-intake.ts';
import { connectKafka, connectProducer, type FloorTopic, groupingStore } from './floor-producer.ts';

await serveBench<FloorTopic>(async (topic) => {
  const producer = await connectProducer(connectKafka(topic));
  const server = await serveIntake(groupingStore(producer, topic));
  return {
    port: server.port,
    async close() {
      await server.close();
      await producer.disconnect();
    },
  };
});
