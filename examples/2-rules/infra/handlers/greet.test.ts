// The handler by itself, run by `node --test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greeting } from './greet.ts';

test('greet: it names the customer, or nobody', () => {
  assert.equal(greeting({ total: 1200, customer: 'Ada' }), 'Ada ordered for 1200: say thank you');
  assert.equal(greeting({ total: 1200 }), 'somebody ordered for 1200: say thank you');
});
