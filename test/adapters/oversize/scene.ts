// Forty events of mixed sizes and a few rules, for running the same over every bus with a store: what is due by the rules
// alone, and a consumer whose targets keep what they got.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter, AdapterParts } from '../../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { isLight } from '../../../adapters/dataref.ts';
import { type Oversize, openOversize } from '../../../adapters/oversize/oversize.ts';
import { stores } from '../../../adapters/registry.ts';
import { indexAttributes } from '../../../router/attribute-part.ts';
import { compileCondition, indexRules } from '../../../router/condition.ts';
import { type ActiveRule, type Consumer, createConsumer } from '../../../router/consume.ts';
import { checkDocument } from '../../../router/document.ts';
import { type Attributes, binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import type { FailureRecord } from '../../../router/failure.ts';
import type { Rule } from '../../../router/rule.ts';
import { startS3 } from '../../fakes/s3.ts';

export const LIMIT = 3_000;

const pad = (i: number): string => 'é€😀 '.repeat((i % 8) * 60);

function eventOf(i: number): CloudEvent {
  const more = { ...(i % 5 === 0 ? {} : { partitionkey: `k${i % 3}` }), ...(i % 4 === 0 ? { subject: `s${i}` } : {}) };
  const base = { specversion: '1.0', id: `e${i}`, source: '/oversize', type: i % 2 === 0 ? 'com.a' : 'com.b', ...more };
  const made = (datacontenttype: string, data: CloudEvent['data']): CloudEvent => ({
    attributes: { ...base, datacontenttype } as Attributes,
    ...(data === undefined ? {} : { data }),
  });
  if (i % 11 === 10) return made('text/plain; charset=utf-8', textData(`text ${pad(i)}`));
  if (i % 11 === 9)
    return made('image/png', binaryData(Buffer.from(Array.from({ length: i * 150 }, (_, n) => n % 256))));
  const n = i % 3 === 0 ? '9007199254740993' : `${i}.0`;
  const text = ` {"n":${n},"kind":"${i % 3 === 0 ? 'big' : 'small'}","n":1,"pad":"${pad(i)}"}\n`;
  return made('application/json', jsonData(Buffer.from(text)));
}

export const events: readonly CloudEvent[] = Array.from({ length: 40 }, (_, i) => eventOf(i));

const log = { log: {} };
export const rules: readonly Rule[] = checkDocument(
  {
    rules: [
      { name: 'attributes', when: { type: ['com.a'] }, to: log },
      { name: 'data', when: { data: { kind: ['big'] } }, to: log },
      { name: 'both', when: { type: ['com.b'], data: { kind: [{ 'anything-but': 'big' }] } }, to: log },
      { name: 'either', when: { $or: [{ subject: [{ prefix: 's' }] }, { data: { kind: ['big'] } }] }, to: log },
      { name: 'absent', when: { data: { kind: [{ exists: false }] } }, to: log },
      { name: 'no reference', when: { type: ['com.a'], dataref: [{ exists: false }] }, to: log },
      { name: 'cesql', when: "type = 'com.b' AND NOT EXISTS dataref", to: log },
      { name: 'ordered', when: { partitionkey: [{ exists: true }], data: { n: [1] } }, order: 'key', to: log },
    ].map((rule) => ({ ...rule, name: rule.name.replace(' ', '-') })),
  },
  { buses: { embedded: { options: {} } }, sources: {}, targets: { log: { options: {} } } },
).rules;

export const due: ReadonlyMap<string, readonly CloudEvent[]> = new Map(
  rules.map(({ name, when }) => [name, events.filter(compileCondition(when))]),
);

export interface Router {
  readonly consumer: Consumer;
  /** Rule → what its target got, in order. */
  readonly got: ReadonlyMap<string, readonly CloudEvent[]>;
  readonly failures: readonly FailureRecord[];
  /** Deliveries that the bus made and the rule did not take. */
  readonly inVain: () => number;
  settled(waitMs: number): Promise<void>;
}

export function createRouter({ whole }: Oversize): Router {
  const got = new Map<string, CloudEvent[]>(rules.map(({ name }) => [name, []]));
  const failures: FailureRecord[] = [];
  let inVain = 0;
  const active = new Map<string, ActiveRule>(
    rules.map(({ name, hash, when, retry, order }) => [
      name,
      {
        name,
        hash,
        retry,
        ordered: order === 'key',
        matches: compileCondition(when),
        async deliver({ event }) {
          got.get(name)!.push(event);
          return { kind: 'ack' };
        },
      },
    ]),
  );
  const consumer = createConsumer({
    rules: () => active,
    match: indexRules(rules),
    mayMatch: indexAttributes(rules),
    whole,
    failures: { write: async (record) => void failures.push(record), async *list() {}, remove: async () => undefined },
    now: Date.now,
    random: () => 0,
  });
  const isDone = (): boolean => rules.every(({ name }) => got.get(name)!.length >= due.get(name)!.length);
  return {
    consumer: {
      ...consumer,
      async deliver(delivery, signal) {
        const outcome = await consumer.deliver(delivery, signal);
        if (outcome.kind === 'ack' && outcome.unmatched) inVain++;
        return outcome;
      },
    },
    got,
    failures,
    inVain: () => inVain,
    async settled(waitMs) {
      const end = performance.now() + waitMs;
      while (!isDone() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
      // What comes twice or in vain comes soon after.
      await new Promise((resolve) => setTimeout(resolve, 300));
    },
  };
}

export interface Scene {
  readonly dataDir: string;
  readonly oversize: Oversize;
  readonly router: Router;
  /** What every adapter is given. */
  readonly parts: AdapterParts;
  /** Publishes all events under the lowered limit; the events as the bus got them. */
  publish(adapter: Adapter): Promise<readonly CloudEvent[]>;
  /** Publishes, and reads until all that is due has come. */
  run(adapter: Adapter): Promise<readonly CloudEvent[]>;
  /** Names of objects in the store. */
  objects(): readonly string[];
  close(): Promise<void>;
}

export type StoreKind = 'folder' | 's3';

const WAIT_MS = 30_000;

async function openStore(kind: StoreKind, dataDir: string) {
  const onWarning = (text: string): void => void process.stderr.write(`${text}\n`);
  const parts = { baseDir: dataDir, now: Date.now, onWarning };
  if (kind === 'folder') {
    const store = { kind, options: { path: 'large' } };
    const oversize = await openOversize(store, stores, { ...parts, env: () => undefined });
    return { oversize, objects: () => readdirSync(join(dataDir, 'large')), close: async () => undefined };
  }
  const fake = await startS3();
  const known: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
    AWS_REGION: fake.keys.region,
  };
  const store = { kind, options: { bucket: fake.bucket, prefix: 'large/', endpoint: fake.endpoint } };
  const oversize = await openOversize(store, stores, { ...parts, env: (name) => known[name] });
  return { oversize, objects: () => [...fake.objects.keys()], close: fake.close };
}

export async function openScene(kind: StoreKind, env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-oversize-'));
  const { oversize, objects, close } = await openStore(kind, dataDir);
  const router = createRouter(oversize);
  const parts: AdapterParts = {
    dataDir,
    now: Date.now,
    env: (name) => env[name],
    onWarning: (text) => void process.stderr.write(`${text}\n`),
    rules: () => rules,
    oversize,
  };

  async function publish(adapter: Adapter): Promise<readonly CloudEvent[]> {
    const sent: CloudEvent[] = [];
    const lowered: Adapter = {
      ...adapter,
      limits: { ...adapter.limits, eventBytes: LIMIT },
      publish: (batch, signal) => {
        sent.push(...batch);
        return adapter.publish(batch, signal);
      },
    };
    const bus = createBus(lowered, { ...busDefaults, deadlineMs: 20_000, now: Date.now, oversize });
    const results = await bus.publish(events);
    const refused = results.find((result) => !result.ok);
    if (refused !== undefined) throw new Error(JSON.stringify(refused));
    return sent;
  }

  return {
    dataDir,
    oversize,
    router,
    parts,
    objects,
    publish,
    async run(adapter) {
      const stop = new AbortController();
      const reading = adapter.subscribe!(router.consumer, stop.signal);
      try {
        const sent = await publish(adapter);
        await router.settled(WAIT_MS);
        return sent;
      } finally {
        stop.abort();
        await reading;
        await adapter.close();
      }
    },
    async close() {
      await close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export const lightOnes = (sent: readonly CloudEvent[], { uriPrefix }: Oversize): readonly CloudEvent[] =>
  sent.filter((event) => isLight(event, uriPrefix));
