// The embedded bus through the adapter laws, each scene in a folder of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { adapterSuite } from '../../contract/adapter.ts';

// The bus takes no secret: the canary stands in a variable it must not even look at.
const canary = 'embedded-canary-91f3';
const nothingUnderWay = 'a publish is one synchronous commit, so none is ever under way';

adapterSuite('embedded', {
  delivery: 'log',
  canary,
  async open() {
    const dataDir = mkdtempSync(join(tmpdir(), 'busway-embedded-'));
    const open = () => openEmbedded({ dataDir, now: Date.now });
    return {
      adapter: open(),
      reopen: async () => open(),
      cleanup: async () => rmSync(dataDir, { recursive: true, force: true }),
    };
  },
  skip: [
    { test: 'throttled', reason: 'a file asks nobody to slow down' },
    { test: 'abort under way', reason: nothingUnderWay },
    { test: 'missing', reason: 'the file is made when it is missing; reading beside an owner is in store.test.ts' },
    { test: 'identity', reason: 'nothing is pushed' },
    { test: 'undecodable', reason: 'only checked events get into the file' },
  ],
});
