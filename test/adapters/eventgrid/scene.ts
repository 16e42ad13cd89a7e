// What the tests of Event Grid share: a fake with a topic in each tier, adapters on it, events.

import type { Adapter, AdapterParts, Routed } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/eventgrid/adapter.ts';
import type { Problem } from '../../../router/config.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { parsePattern } from '../../../router/read-pattern.ts';
import { type FakeEventGrid, type FakeSettings, startEventGrid } from '../../fakes/eventgrid.ts';

export const key = Buffer.from('an access key of the tests').toString('base64');

export interface Scene {
  readonly fake: FakeEventGrid;
  readonly warnings: string[];
  /** Options of a tier's topic, with the key. */
  topic(): object;
  namespace(): object;
  open(options: object, parts?: Partial<AdapterParts>): Promise<Adapter>;
}

/** A fake with the custom topic `custom` and the namespace topic `orders`; all is closed at the end. */
export async function withEventGrid(settings: FakeSettings, check: (scene: Scene) => Promise<void>): Promise<void> {
  const fake = await startEventGrid({
    keys: [key],
    customTopics: ['custom'],
    namespaceTopics: ['orders'],
    ...settings,
  });
  const warnings: string[] = [];
  const opened: Adapter[] = [];
  const variables: Readonly<Record<string, string>> = { THE_KEY: key };
  try {
    await check({
      fake,
      warnings,
      topic: () => ({ endpoint: fake.endpointOf('custom'), key: 'THE_KEY' }),
      namespace: () => ({ endpoint: fake.url, topic: 'orders', key: 'THE_KEY' }),
      async open(options, parts) {
        const env = (name: string): string | undefined => variables[name];
        const onWarning = (text: string): void => void warnings.push(text);
        const adapter = await open({ ...options }, { dataDir: '', now: Date.now, env, onWarning, ...parts });
        opened.push(adapter);
        return adapter;
      },
    });
  } finally {
    await Promise.all(opened.map((adapter) => adapter.close()));
    await fake.close();
  }
}

export function orderEvent(id: string, more: object = {}, data: unknown = { id }): CloudEvent {
  return {
    attributes: { specversion: '1.0', id, source: '/orders', type: 'order.placed', ...more },
    data: jsonData(Buffer.from(JSON.stringify(data))),
  };
}

export function orderEvents(count: number): readonly CloudEvent[] {
  return Array.from({ length: count }, (_, i) => orderEvent(`e${i}`));
}

export function ruleOf(name: string, when: object): Routed {
  const problems: Problem[] = [];
  const parsed = parsePattern(when, 'when', problems);
  if (parsed === undefined) throw new Error(JSON.stringify(problems));
  return { name, when: parsed };
}

export function idsOf(texts: readonly { readonly text: string }[]): readonly string[] {
  return texts.map(({ text }) => (JSON.parse(text) as { id: string }).id);
}
