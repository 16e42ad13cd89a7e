// Rules over the orders of a shop: by data, by attributes, by one of several ways, in order, with patience of their own.

import { defineRouter } from 'busway';

export default defineRouter({
  bus: 'embedded',
  sources: {
    shop: { use: 'cloudevents' }, // bearer token: BUSWAY_SECRET_SHOP; without one, dev makes one
  },
  rules: [
    {
      // Numbers are compared as numbers, and a list takes any of its tests.
      name: 'large-orders',
      when: { type: ['com.example.order.placed'], data: { total: [{ numeric: ['>=', 1000] }] } },
      to: { fn: { module: './handlers/greet.ts' } },
    },
    {
      // One of these is enough: a country that we ship to by air, or an order that asks for it.
      name: 'by-air',
      when: {
        type: ['com.example.order.placed'],
        data: { $or: [{ country: ['IS', 'GL'] }, { shipping: [{ prefix: 'air-' }] }] },
      },
      to: { log: {} },
    },
    {
      // What is not there can be asked for too.
      name: 'unpaid',
      when: {
        type: [{ prefix: 'com.example.order.' }],
        data: { order: { id: [{ exists: true }] }, payment: [{ exists: false }] },
      },
      to: { log: {} },
    },
    {
      // CESQL, over attributes. Events of one partitionkey come one after the other; a dead target is tried for an hour.
      name: 'audit',
      when: "type LIKE 'com.example.order.%' AND EXISTS partitionkey",
      to: { log: {} },
      order: 'key',
      retry: { attempts: 8, firstMs: 1_000, maxMs: 900_000 },
    },
  ],
});
