// The filters of all buses, for plan: the document's own by its options, the others as they are by default. Loads no client.

import type { BusFilter } from '../../adapters/bus-filter.ts';
import { uriPrefixOf } from '../../adapters/oversize/oversize.ts';
import { buses, stores } from '../../adapters/registry.ts';
import type { PlanFinding } from '../../infra/plan/finding.ts';
import { optionDefaults } from '../../router/config.ts';
import type { RouterDocument } from '../../router/document.ts';
import { toRouterError } from '../../router/errors.ts';

export interface LoadedFilters {
  /** Kind of bus → how it filters. */
  readonly filters: ReadonlyMap<string, BusFilter>;
  /** What references to data in the store begin with, if there is one. */
  readonly uriPrefix: string | undefined;
  /** Why the document's own bus, or its store, cannot be told. */
  readonly findings: readonly PlanFinding[];
}

export async function loadFilters({ bus, oversize }: RouterDocument, baseDir: string): Promise<LoadedFilters> {
  const findings: PlanFinding[] = [];
  const orFinding = async <T>(at: string, load: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await load();
    } catch (thrown) {
      findings.push({ level: 'error', kind: 'document', at, says: toRouterError(thrown).message });
      return undefined;
    }
  };
  const store = oversize?.store;
  const uriPrefix = store && (await orFinding('oversize.store', () => uriPrefixOf(store, stores, baseDir)));
  const filters = new Map<string, BusFilter>();
  for (const [kind, { options, loadFilter }] of Object.entries(buses)) {
    const filter = await orFinding('bus', async () =>
      (await loadFilter())(kind === bus.kind ? bus.options : optionDefaults(options), uriPrefix),
    );
    if (filter !== undefined) filters.set(kind, filter);
  }
  return { filters, uriPrefix, findings };
}
