// The smallest router: one source, one rule, one target.

import { defineRouter } from 'busway';

export default defineRouter({
  bus: 'embedded', // a log in .busway/
  sources: {
    shop: { use: 'cloudevents', open: true }, // open: no secret, for trying things out
  },
  rules: [{ name: 'orders', when: { type: ['com.example.order.placed'] }, to: { log: {} } }],
});
