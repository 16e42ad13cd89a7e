// Events of about 360 bytes as a company's bus carries them, and rules by source, type and tenant as its subscribers
// write them: most name just those three, some ask for an amount, a tag or any region but one as well. Sources and types
// are few and popular, tenants are many; a matcher that starts at a popular field drowns in candidates.

import { type Random, seeded, zipf } from './random.ts';
import { type Rule, ruleOf } from './rule.ts';

const SEED = 4_711;
const TENANTS = 12_000;
const SOURCES = [
  ...['shop.orders', 'shop.payments', 'shop.carts', 'shop.returns', 'crm.contacts', 'crm.tickets', 'erp.invoices'],
  ...['erp.stock', 'web.sessions', 'ops.deploys', 'iot.meters', 'hr.people'],
];
const ENTITIES = ['order', 'payment', 'invoice', 'item', 'contact', 'session', 'ticket', 'shipment'];
const VERBS = ['created', 'updated', 'deleted', 'approved', 'failed'];
const TYPES = ENTITIES.flatMap((entity) => VERBS.map((verb) => `${entity}.${verb}`));
const REGIONS = ['eu-west-1', 'eu-central-1', 'us-east-1', 'us-west-2', 'ap-south-1'];
const TAGS = ['new', 'vip', 'retry', 'bulk', 'gift', 'test', 'mobile', 'partner', 'priority', 'eu', 'b2b', 'late'];
// People write round limits.
const LIMITS = [10, 50, 100, 250, 500, 900];
const CURRENCIES = ['EUR', 'USD', 'GBP'];

interface Draws {
  readonly source: () => string;
  readonly type: () => string;
  readonly tenant: () => string;
  readonly amount: () => number;
}

function drawsOf(random: Random): Draws {
  const source = zipf(random, SOURCES.length, 1);
  const type = zipf(random, TYPES.length, 1);
  const tenant = zipf(random, TENANTS, 1_000);
  return {
    source: () => SOURCES[source()]!,
    type: () => TYPES[type()]!,
    tenant: () => `tenant-${String(tenant()).padStart(5, '0')}`,
    // Two digits after the point, small ones more often.
    amount: () => Math.floor(random.fraction() ** 2 * 100_000) / 100,
  };
}

const hex = (random: Random): string =>
  random
    .below(2 ** 32)
    .toString(16)
    .padStart(8, '0');

function busEvent(random: Random, { source, type, tenant, amount }: Draws, n: number): object {
  return {
    id: `${hex(random)}-${hex(random)}-${String(n).padStart(7, '0')}`,
    correlation: `${hex(random)}${hex(random)}`,
    source: source(),
    type: type(),
    time: new Date(Date.UTC(2026, 10, 21) + n * 37).toISOString(),
    tenant: tenant(),
    region: random.pick(REGIONS),
    amount: amount(),
    currency: random.pick(CURRENCIES),
    tags: Array.from({ length: random.below(4) }, () => random.pick(TAGS)),
    customer: { id: `c-${random.below(1_000_000)}`, tier: random.pick(['free', 'basic', 'gold']), active: true },
    items: Array.from({ length: 1 + random.below(2) }, () => ({ sku: `sku-${random.below(50_000)}`, quantity: 1 })),
  };
}

/** JSON texts, always the same. */
export function busEvents(count: number): readonly string[] {
  const random = seeded(SEED);
  const draws = drawsOf(random);
  return Array.from({ length: count }, (_, n) => JSON.stringify(busEvent(random, draws, n)));
}

function more(random: Random): object {
  const kind = random.below(10);
  if (kind === 0) return { amount: [{ numeric: ['>', random.pick(LIMITS)] }] };
  if (kind === 1) return { region: [{ 'anything-but': [random.pick(REGIONS)] }] };
  if (kind === 2) return { tags: [random.pick(TAGS), random.pick(TAGS)] };
  return {};
}

export function busRules(count: number): readonly Rule[] {
  const random = seeded(SEED + 1);
  const draws = drawsOf(random);
  return Array.from({ length: count }, (_, n) => {
    const three = { source: [draws.source()], type: [draws.type()], tenant: [draws.tenant()] };
    return ruleOf(n, { ...three, ...more(random) });
  });
}
