// What the services ask for: one small dated table, the only place where a price stands. Data only; the formulas are in
// plan/cost.ts. List prices without free tiers, volume discounts and taxes. "Not read" means that the service's own page
// showed no figure where we looked: check it before you rely on it.

export interface Price {
  readonly usd: number;
  readonly per: string;
  readonly source: string;
}

export const priceTable = {
  currency: 'USD',
  read: '2026-11-21',
  regions: 'us-east-1, Google Cloud tier 1, East US',
} as const;

const cloudRun = 'cloud.google.com/run/pricing, request-based billing, tier 1';
// 256 MiB come with 0.167 vCPU; a GiB-second then costs 0.167 / 0.25 vCPU-seconds at 0.000024 and itself 0.0000025.
const CLOUD_RUN_GB_SECOND = (0.167 / 0.25) * 0.000024 + 0.0000025;

export const prices = {
  /** Custom Event Bus - Classic: each event by its size, however many go in a call. Delivery in the account is free. */
  eventbridgeChunk: { usd: 1, per: '1,000,000 chunks of 64 KiB', source: 'AWS price guides of 2026; Event-64K-Chunks' },
  sqsRequest: {
    usd: 0.4,
    per: '1,000,000 requests of 64 KiB',
    source: 'Amazon SQS price guides of 2026, standard queue',
  },
  pubsubTebibyte: { usd: 40, per: 'TiB published, and delivered', source: 'cloud.google.com/pubsub/pricing' },
  eventgridOperation: { usd: 0.6, per: '1,000,000 operations of 64 KiB', source: 'not read; from memory' },
  lambdaCall: { usd: 0.2, per: '1,000,000 calls', source: 'AWS Lambda price guides of 2026' },
  lambdaGbSecond: { usd: 0.0000133334, per: 'GB-second on arm64', source: 'AWS Lambda price guides of 2026' },
  cloudRunCall: { usd: 0.4, per: '1,000,000 calls', source: cloudRun },
  cloudRunGbSecond: { usd: CLOUD_RUN_GB_SECOND, per: 'GiB-second with its CPU', source: cloudRun },
  azureCall: { usd: 0.2, per: '1,000,000 calls', source: 'Azure Functions price guides of 2025, consumption plan' },
  azureGbSecond: { usd: 0.000016, per: 'GB-second', source: 'Azure Functions price guides of 2025, consumption plan' },
} as const satisfies Record<string, Price>;
