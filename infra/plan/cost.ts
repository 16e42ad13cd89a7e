// Requests and cost of a million events on each kind of bus: pure functions over sizes, shares and batches. Each formula says
// what is billed; prices are in ../prices.ts. Retries, idle polling, storage, network and the intake, which is the same
// for all, are left out. Sources: the pricing pages named there, and the services' own definitions of a billed unit.

import { prices } from '../prices.ts';

/** What a million events are like. */
export interface Load {
  /** Bytes of the structured event → how many events have so many. */
  readonly sizes: ReadonlyMap<number, number>;
  /** Bytes of the names and values of an event's attributes, on average. */
  readonly attributeBytes: number;
  readonly rules: readonly RuleLoad[];
  /** Events of one publish call, as the intake gives them. */
  readonly batch: number;
}

export interface RuleLoad {
  /** Share of the events that the bus delivers to the rule, 0 to 1: what matches, and what passes in vain. */
  readonly delivered: number;
  /** Whether the bus counts the match itself: Event Grid's advanced filters. */
  readonly advanced: boolean;
}

/** Of a million events. */
export interface Cost {
  readonly publishCalls: number;
  readonly deliveries: number;
  /** Calls of the deliver or push function. */
  readonly functionCalls: number;
  readonly usd: { readonly bus: number; readonly queue: number; readonly functions: number; readonly total: number };
}

export interface CostOptions {
  /** The service calls a function; else a process of your own asks it. */
  readonly pushes: boolean;
}

export const MILLION = 1_000_000;
const CHUNK = 65_536;
const MEBIBYTE = 1_048_576;

/** Assumed of a function: how long a call takes, and its memory. */
export const assumedRun = { ms: 50, memoryGb: 0.25 } as const;

interface FunctionPrice {
  readonly call: number;
  readonly gbSecond: number;
  /** Time is billed in steps. */
  readonly stepMs: number;
}

const lambda: FunctionPrice = { call: prices.lambdaCall.usd, gbSecond: prices.lambdaGbSecond.usd, stepMs: 1 };
const cloudRun: FunctionPrice = { call: prices.cloudRunCall.usd, gbSecond: prices.cloudRunGbSecond.usd, stepMs: 100 };
// Azure bills at least 100 ms a call.
const azure: FunctionPrice = { call: prices.azureCall.usd, gbSecond: prices.azureGbSecond.usd, stepMs: 100 };

/** calls / 1e6 · price + calls · seconds · GB · price; time is rounded up to whole steps. */
export function functionUsd(calls: number, { call, gbSecond, stepMs }: FunctionPrice): number {
  const seconds = (Math.ceil(assumedRun.ms / stepMs) * stepMs) / 1_000;
  return (calls / MILLION) * call + calls * seconds * assumedRun.memoryGb * gbSecond;
}

/** The sum of `unitsOf` over a million events of these sizes. */
export function perMillion({ sizes }: Pick<Load, 'sizes'>, unitsOf: (bytes: number) => number): number {
  let [events, units] = [0, 0];
  for (const [bytes, count] of sizes) {
    events += count;
    units += count * unitsOf(bytes);
  }
  return events === 0 ? 0 : (units / events) * MILLION;
}

export function deliveriesOf({ rules }: Pick<Load, 'rules'>): number {
  return rules.reduce((sum, { delivered }) => sum + delivered, 0) * MILLION;
}

/** At least one call for `perCall` events, and one for `callBytes`. */
function callsOf(load: Load, limits: { readonly events: number; readonly callBytes: number }): number {
  const perCall = Math.max(1, Math.min(load.batch, limits.events));
  const bytes = perMillion(load, (size) => size);
  return Math.max(MILLION / perCall, bytes / limits.callBytes);
}

/** Counts are whole, dollars have six decimals: more would only be the noise of floating point. */
function costOf(counts: Omit<Cost, 'usd'>, usd: { bus: number; queue?: number; functions: number }): Cost {
  const { publishCalls, deliveries, functionCalls } = counts;
  const { bus, queue = 0, functions } = usd;
  const dollars = (value: number): number => Math.round(value * MILLION) / MILLION;
  return {
    publishCalls: Math.ceil(publishCalls),
    deliveries: Math.round(deliveries),
    functionCalls: Math.round(functionCalls),
    usd: {
      bus: dollars(bus),
      queue: dollars(queue),
      functions: dollars(functions),
      total: dollars(bus + queue + functions),
    },
  };
}

const chunks = (bytes: number): number => Math.max(1, Math.ceil(bytes / CHUNK));

// PutEvents counts the time, source and detail type besides; the envelope that a queue gets has a dozen fields.
const ENTRY_BYTES = 128;
const ENVELOPE_BYTES = 400;
const QUEUE_BATCH = 10;

/**
 * Billed: chunks of 64 KiB of each event, whatever goes in a call; for each delivery an SQS request a chunk to send,
 * and a receive and a delete for ten messages or 64 KiB; a function call for ten messages.
 */
export function eventbridgeCost(load: Load): Cost {
  const deliveries = deliveriesOf(load);
  const bus = (perMillion(load, (bytes) => chunks(bytes + ENTRY_BYTES)) / MILLION) * prices.eventbridgeChunk.usd;
  const sent = perMillion(load, (bytes) => chunks(bytes + ENVELOPE_BYTES)) / MILLION;
  const received = perMillion(load, (bytes) => Math.max(1 / QUEUE_BATCH, (bytes + ENVELOPE_BYTES) / CHUNK)) / MILLION;
  const requests = deliveries * (sent + received + 1 / QUEUE_BATCH);
  const functionCalls = deliveries / QUEUE_BATCH;
  return costOf(
    { publishCalls: callsOf(load, { events: 10, callBytes: MEBIBYTE }), deliveries, functionCalls },
    { bus, queue: (requests / MILLION) * prices.sqsRequest.usd, functions: functionUsd(functionCalls, lambda) },
  );
}

// A timestamp and a message id besides body and attributes.
const MESSAGE_BYTES = 36;
const LEAST_REQUEST_BYTES = 1_000;
const PULL_BATCH = 10;
const TEBIBYTE = 2 ** 40;

/**
 * Billed: bytes published, and bytes of every subscription, at least 1,000 a request. A message that a filter keeps back is
 * billed as delivered too ("Filter messages from a subscription": delivery fees are charged, network is not).
 */
export function pubsubCost(load: Load, { pushes }: CostOptions): Cost {
  const message = (bytes: number): number => bytes + load.attributeBytes + MESSAGE_BYTES;
  const batch = Math.max(1, Math.min(load.batch, 1_000));
  const inRequests = (perRequest: number): number =>
    perMillion(load, (bytes) => Math.max(LEAST_REQUEST_BYTES / perRequest, message(bytes)));
  const deliveries = deliveriesOf(load);
  const share = deliveries / MILLION;
  const keptBack = perMillion(load, message) * (load.rules.length - share);
  const bytes = inRequests(batch) + inRequests(pushes ? 1 : PULL_BATCH) * share + keptBack;
  const functionCalls = pushes ? deliveries : 0;
  return costOf(
    { publishCalls: callsOf(load, { events: 1_000, callBytes: 10_000_000 }), deliveries, functionCalls },
    { bus: (bytes / TEBIBYTE) * prices.pubsubTebibyte.usd, functions: functionUsd(functionCalls, cloudRun) },
  );
}

/** Billed: operations, one a 64 KiB of each event published, of each delivery attempt, and of each advanced match. */
export function eventgridCost(load: Load, { pushes }: CostOptions): Cost {
  const deliveries = deliveriesOf(load);
  const matches = deliveriesOf({ rules: load.rules.filter(({ advanced }) => advanced) });
  const perEvent = perMillion(load, chunks) / MILLION;
  const operations = perEvent * (MILLION + deliveries) + matches;
  const functionCalls = pushes ? deliveries : 0;
  return costOf(
    { publishCalls: callsOf(load, { events: 5_000, callBytes: MEBIBYTE }), deliveries, functionCalls },
    { bus: (operations / MILLION) * prices.eventgridOperation.usd, functions: functionUsd(functionCalls, azure) },
  );
}

/** Nothing is billed by the request: the machines are yours. */
export function ownCost(load: Load): Cost {
  const deliveries = deliveriesOf(load);
  const publishCalls = callsOf(load, { events: 100_000, callBytes: MEBIBYTE });
  return costOf({ publishCalls, deliveries, functionCalls: 0 }, { bus: 0, functions: 0 });
}

/** Kind of bus → its formula. */
export const costs: Readonly<Record<string, (load: Load, options: CostOptions) => Cost>> = {
  embedded: ownCost,
  kafka: ownCost,
  eventbridge: eventbridgeCost,
  eventgrid: eventgridCost,
  pubsub: pubsubCost,
};
