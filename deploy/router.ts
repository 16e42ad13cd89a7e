// The document that compose.yaml mounts and deploy/kubernetes.yaml holds a copy of (test/container.test.ts keeps the two the
// same): a first router on Kafka. Change it while the router runs, and it is taken over.

import { defineRouter } from 'busway';

export default defineRouter({
  bus: 'kafka', // at KAFKA_BROKERS
  sources: {
    github: { use: 'github' }, // secret: BUSWAY_SECRET_GITHUB
  },
  rules: [
    {
      name: 'public-pushes',
      when: { type: ['com.github.push'], data: { repository: { private: [false] } } },
      to: { log: {} },
    },
  ],
});
