// Preloaded into every Node process that a test starts: writes down each connection that is begun, to other machines or not,
// into the file that BUSWAY_TEST_CONNECTIONS names, and lets it fail.

import { appendFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { testEnv } from '../harness/env.ts';

const file = testEnv('BUSWAY_TEST_CONNECTIONS');

Socket.prototype.connect = function connect(this: Socket, ...args: unknown[]): Socket {
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(args[0])}\n`);
  this.destroy(new Error('no connection is made in this test'));
  return this;
};
