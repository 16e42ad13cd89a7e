// Which rules take which events, and which take none. Run by `busway test`; the last line lets node --test run it too.

import { defineRuleTests } from 'busway';
import { testRules } from 'busway/contract';
import router from './router.ts';

const placed = { specversion: '1.0', source: '/shop', type: 'com.example.order.placed' } as const;
const paid = { order: { id: 'o-1' }, payment: 'card' } as const;

const tests = defineRuleTests([
  {
    name: 'a large order that is paid',
    event: { ...placed, id: '1', data: { ...paid, total: 1000 } },
    rules: ['large-orders'],
  },
  { name: 'one cent less is not large', event: { ...placed, id: '2', data: { ...paid, total: 999.99 } }, rules: [] },
  {
    name: 'to Iceland, whatever the shipping',
    event: { ...placed, id: '3', data: { ...paid, total: 1, country: 'IS' } },
    rules: ['by-air'],
  },
  {
    name: 'by air on demand, not paid, from a customer with a key',
    event: { ...placed, id: '4', partitionkey: 'c-7', data: { order: { id: 'o-4' }, shipping: 'air-express' } },
    rules: ['by-air', 'unpaid', 'audit'],
  },
  {
    name: 'a price in text is no number',
    event: { ...placed, id: '5', data: { ...paid, total: '1000' } },
    rules: [],
  },
]);

export default tests;

if (import.meta.main) testRules(router, tests);
