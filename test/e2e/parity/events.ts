// 1,000 mixed events as sources make them: every GitHub delivery of octokit's examples, again and again under other ids,
// and between them orders with what rules over data find hard: lists of objects, nulls, numbers as text, no data, text,
// bytes, keys. The same seed, the same events.
// Source: @octokit/webhooks-examples 7.6.1 (MIT).

import { createRequire } from 'node:module';
import { open } from '../../../functions/sources/github.ts';
import { binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import { seededRandom } from '../../harness/random.ts';

interface Example {
  readonly name: string;
  readonly examples: readonly object[];
}

function githubEvents(): readonly CloudEvent[] {
  const groups = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly Example[];
  const source = open({}, { name: 'github' });
  return groups.flatMap(({ name, examples }) =>
    examples.flatMap((payload, i) => {
      const request = {
        method: 'POST',
        path: '/webhooks/github',
        query: '',
        headers: {
          'content-type': 'application/json',
          'x-github-event': name,
          'x-github-delivery': `${name}-${i}`,
        },
        body: Buffer.from(JSON.stringify(payload)),
      };
      return source.normalize(request).flatMap((one) => (one.kind === 'event' ? [one.event] : []));
    }),
  );
}

const json = (value: unknown): CloudEvent['data'] => jsonData(Buffer.from(JSON.stringify(value)));

function orderEvent(i: number, below: (n: number) => number): CloudEvent {
  const pick = <T>(...choices: readonly T[]): T => choices[below(choices.length)]!;
  const lines = Array.from({ length: below(4) }, () => ({ sku: pick('A-1', 'B-2', 'C-3'), count: below(5) }));
  const order = {
    total: pick<unknown>(below(2_000), below(200_000) / 100, String(below(2_000)), null),
    currency: pick('EUR', 'eur', 'USD', 'CHF'),
    lines: pick<unknown>(lines, [], null),
    customer: pick<unknown>({ name: pick('Ada', 'ada', 'Bob'), vip: pick(true, false) }, {}, undefined),
    tags: pick<unknown>(['new'], ['new', 'gift'], 'new', []),
  };
  const data = pick<CloudEvent['data']>(
    json({ order }),
    json({ order }),
    json({ order }),
    json([{ order }]),
    textData('order'),
    binaryData(Buffer.from([0, 255, 254])),
    undefined,
  );
  const attributes = {
    specversion: '1.0',
    id: `order-${i}`,
    source: pick('/shop/eu', '/shop/us', '/Shop/EU'),
    type: pick('shop.order.placed', 'shop.order.paid', 'shop.order.cancelled'),
    ...(below(2) === 0 ? { subject: `orders/${below(50)}` } : {}),
    ...(below(2) === 0 ? { partitionkey: `customer-${below(20)}` } : {}),
    ...(below(3) === 0 ? { priority: pick<string | number | boolean>(1, '1', 9, true) } : {}),
    ...(data?.kind === 'text' ? { datacontenttype: 'text/plain' } : {}),
    ...(data?.kind === 'binary' ? { datacontenttype: 'application/octet-stream' } : {}),
  } as const;
  return data === undefined ? { attributes } : { attributes, data };
}

/** `count` events, ids unique. */
export function mixedEvents(count: number, seed: number): readonly CloudEvent[] {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const github = githubEvents();
  return Array.from({ length: count }, (_, i) => {
    if (below(5) < 2) return orderEvent(i, below);
    const from = github[i % github.length]!;
    return { ...from, attributes: { ...from.attributes, id: `${from.attributes.id}-${i}` } };
  });
}
