// The Event Grid bus through the adapter laws, each tier by itself, on a fake that is strict about logins, limits, forms
// and filters, with failures in Azurite. Each scene has a fake and a container of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { Adapter, Routed } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/eventgrid/adapter.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { adapterSuite } from '../../contract/adapter.ts';
import type { AdapterHarness, BusScene, Special } from '../../contract/adapter-harness.ts';
import { type FakeEventGrid, startEventGrid } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { passesFilter } from '../../fakes/eventgrid-filter.ts';
import { deliveryOf } from '../../fakes/eventgrid-push.ts';
import { type Azurite, type Container, LOGIN, startAzurite } from './azurite.ts';

// In base64, as Azure's keys are.
const canary = Buffer.from('eventgrid-canary-91c3').toString('base64');
const KEY = 'BUSWAY_TEST_EVENTGRID_KEY';
const TOPIC = 'orders';

type Tier = 'topic' | 'namespace';

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite();
});
after(() => azurite.stop());

interface Opened {
  readonly warnings: string[];
  open(options: object): Promise<Adapter>;
  remove(): void;
}

function folder(container?: Container, rules: readonly Routed[] = []): Opened {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-eventgrid-'));
  const warnings: string[] = [];
  const env = (name: string): string | undefined => (name === KEY ? canary : container?.env(name));
  const kept = container === undefined ? {} : { failures: container.url.href, failuresLogin: LOGIN };
  const parts = {
    dataDir,
    now: Date.now,
    env,
    onWarning: (text: string) => void warnings.push(text),
    rules: () => rules,
  };
  return {
    warnings,
    open: (options) => open({ key: KEY, ...kept, ...options }, parts),
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

function start(tier: Tier): Promise<FakeEventGrid> {
  const topics = tier === 'topic' ? { customTopics: [TOPIC] } : { namespaceTopics: [TOPIC] };
  // Locks and releases take seconds; a lock of 60 s is 3 s here.
  return startEventGrid({ keys: [canary], clock: scaledClock(20), ...topics });
}

function optionsFor(fake: FakeEventGrid, tier: Tier, topic: string): object {
  return tier === 'topic' ? { endpoint: fake.endpointOf(topic) } : { endpoint: fake.url, topic };
}

async function receiveAll(fake: FakeEventGrid): Promise<readonly Buffer[]> {
  const answers: Buffer[] = [];
  const queue = fake.queue(TOPIC, 'all');
  while (queue.locked() < queue.size()) {
    const url = `${fake.url}/topics/${TOPIC}/eventsubscriptions/all:receive?api-version=2024-06-01&maxEvents=100`;
    const answer = await fetch(url, { method: 'POST', headers: { authorization: `SharedAccessKey ${canary}` } });
    answers.push(Buffer.from(await answer.arrayBuffer()));
  }
  return answers;
}

async function openScene(tier: Tier): Promise<BusScene> {
  const fake = await start(tier);
  const dir = folder(await azurite.container());
  const options = optionsFor(fake, tier, TOPIC);
  if (tier === 'namespace') await fake.subscribe(TOPIC, 'all');
  return {
    adapter: await dir.open(options),
    warnings: dir.warnings,
    reopen: () => dir.open(options),
    async pushed() {
      if (tier === 'namespace') return receiveAll(fake);
      const events = fake.published(TOPIC);
      // As single objects and as batches, as the service may send either.
      const batch = events.length > 1 ? [deliveryOf('other', events.slice(1), 0)] : [];
      return [deliveryOf('other', events.slice(0, 1), 0), ...batch];
    },
    async cleanup() {
      dir.remove();
      await fake.close();
    },
  };
}

/** A namespace with a subscription for each rule, as plan would make it. */
async function openRules(rules: readonly Routed[]): Promise<BusScene> {
  const fake = await start('namespace');
  const dir = folder(await azurite.container(), rules);
  const options = optionsFor(fake, 'namespace', TOPIC);
  for (const { name, when } of rules) {
    const { native } = compileEventGrid(when, { tier: 'namespace', filterable: [] });
    await fake.subscribe(TOPIC, subscriptionName('busway', name, native), native === null ? {} : { filter: native });
  }
  return {
    adapter: await dir.open(options),
    warnings: dir.warnings,
    reopen: () => dir.open(options),
    async writeGarbage() {
      const [{ name, when }] = rules as readonly [Routed];
      const { native } = compileEventGrid(when, { tier: 'namespace', filterable: [] });
      const text = '{"specversion":"9"}';
      fake.queue(TOPIC, subscriptionName('busway', name, native)).push({ text, publishedAt: fake.clock.now() });
      return Buffer.from(text);
    },
    async cleanup() {
      dir.remove();
      await fake.close();
    },
  };
}

async function openSpecial(tier: Tier, prepare: (fake: FakeEventGrid) => string): Promise<Special> {
  const fake = await start(tier);
  const dir = folder();
  return {
    adapter: await dir.open(optionsFor(fake, tier, prepare(fake))),
    warnings: dir.warnings,
    async cleanup() {
      dir.remove();
      await fake.close();
    },
  };
}

function harness(tier: Tier): AdapterHarness {
  return {
    delivery: tier === 'topic' ? 'push' : 'pull',
    keepsFailures: true,
    canary,
    open: () => openScene(tier),
    openRules,
    skip: [{ test: 'pulled order', reason: 'Event Grid keeps no order, and none is claimed' }],
    openMissing: () => openSpecial(tier, () => 'missing'),
    openStalled: () =>
      openSpecial(tier, (fake) => {
        fake.faults.push(...Array.from({ length: 20 }, () => ({ how: 'hang' }) as const));
        return TOPIC;
      }),
    openThrottled: () =>
      openSpecial(tier, (fake) => {
        fake.faults.push({ on: 'publish', status: 429, headers: { 'retry-after': '2' } });
        return TOPIC;
      }),
    nativePasses: (native, event: CloudEvent) => passesFilter(native, tier, encodeStructuredText(event)),
  };
}

adapterSuite('eventgrid custom topic', harness('topic'));
adapterSuite('eventgrid namespace', harness('namespace'));
