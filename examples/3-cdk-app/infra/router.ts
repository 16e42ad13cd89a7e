// The shop's rules, on a bus of their own. A secret never stands here: the stack has one for each source in Secrets Manager.

import { defineRouter } from 'busway';

export default defineRouter({
  bus: { use: 'eventbridge', bus: 'shop' },
  sources: {
    shop: { use: 'standard-webhooks' }, // secret: BUSWAY_SECRET_SHOP
  },
  rules: [
    {
      name: 'large-orders',
      when: { type: ['order.placed'], data: { total: [{ numeric: ['>=', 1000] }] } },
      to: { fn: { module: './handlers/large-order.ts' } },
    },
    {
      name: 'warehouse',
      when: { type: [{ prefix: 'order.' }] },
      to: { http: { url: 'https://warehouse.example.com/events' } },
    },
  ],
});
