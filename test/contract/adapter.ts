// The laws of an adapter (adapters/adapter.ts) as one suite that every bus is put through; a user's own adapter too. A bus
// gives a harness and nothing else. A law that does not apply is named with its reason and shows up as skipped.

import { describe, test } from 'node:test';
import { type AdapterHarness, type AdapterLaw, adapterLaws, type Law } from './adapter-harness.ts';
import { logLaws } from './adapter-log.ts';
import { orderLaws } from './adapter-order.ts';
import { portLaws } from './adapter-port.ts';
import { publishLaws } from './adapter-publish.ts';
import { pullLaws } from './adapter-pull.ts';

/** Runs every law as a test named `<name>: <law>`. */
export function adapterSuite(name: string, harness: AdapterHarness): void {
  const { waitMs = 5_000, concurrency = 4, skip = [] } = harness;
  const laws: Partial<Record<AdapterLaw, Law>> = {
    ...publishLaws,
    ...portLaws,
    ...(harness.delivery === 'log' ? { ...logLaws, ...orderLaws } : {}),
    ...(harness.delivery === 'pull' ? pullLaws : {}),
    // A bus that only pushes may leave failures to whoever it pushes to.
    ...(harness.delivery === 'push' && harness.keepsFailures !== true ? {} : { failures: logLaws.failures }),
  };
  describe(`${name} keeps the adapter laws`, { concurrency }, () => {
    for (const [id, law] of Object.entries(laws) as [AdapterLaw, Law][]) {
      const reason = skip.find((skipped) => skipped.test === id)?.reason;
      const title = `${name}: ${adapterLaws[id]}`;
      test(title, { skip: reason ?? false, timeout: 30_000 + 4 * waitMs }, () => law({ harness, waitMs }));
    }
  });
}
