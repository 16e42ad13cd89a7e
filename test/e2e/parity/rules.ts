// The rules of the parity run: from what every bus filters by itself to what none does.

import { kinds } from '../../../local/document-file.ts';
import { checkDocument, type RouterDocument } from '../../../router/document.ts';

const to = { log: {} };
const retry = { attempts: 20, firstMs: 100, maxMs: 1_000 };

const conditions: Readonly<Record<string, unknown>> = {
  everything: { source: [{ prefix: '' }] },
  'one-type': { type: ['shop.order.placed'] },
  prefix: { type: [{ prefix: 'com.github.' }] },
  'no-case': { source: [{ 'equals-ignore-case': '/shop/eu' }] },
  'two-fields': { type: ['shop.order.paid', 'shop.order.placed'], source: ['/shop/eu'] },
  'not-this-type': { type: [{ 'anything-but': { prefix: 'com.github' } }] },
  'no-key': { partitionkey: [{ exists: false }] },
  'with-subject': { subject: [{ exists: true }], type: [{ prefix: 'shop.' }] },
  priority: { priority: [1] },
  'private-repository': { data: { repository: { private: [true] } } },
  'big-orders': { type: [{ prefix: 'shop.' }], data: { order: { total: [{ numeric: ['>=', 1_000] }] } } },
  'several-lines': { data: { order: { lines: { sku: ['A-1'], count: [{ numeric: ['>', 2] }] } } } },
  'null-total': { data: { order: { total: [null] } } },
  'no-customer-name': { data: { order: { total: [{ exists: true }], customer: { name: [{ exists: false }] } } } },
  wildcard: { data: { repository: { full_name: [{ wildcard: '*/hello*' }] } } },
  either: {
    $or: [{ type: ['shop.order.cancelled'] }, { data: { order: { currency: [{ 'equals-ignore-case': 'eur' }] } } }],
  },
  'gift-or-not': { data: { order: { tags: [{ 'anything-but': ['gift'] }] } } },
  cesql: "type LIKE 'shop.%' AND EXISTS partitionkey",
  nothing: { type: ['no.such.type'] },
};

export function parityDocument(): RouterDocument {
  const rules = Object.entries(conditions).map(([name, when]) => ({ name, when, to, retry }));
  return checkDocument(
    { rules: [...rules, { name: 'in-order', when: { type: [{ prefix: 'shop.' }] }, to, retry, order: 'key' }] },
    kinds,
  );
}
