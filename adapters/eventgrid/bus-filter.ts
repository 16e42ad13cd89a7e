// What a rule becomes on Event Grid, for plan and for `busway filter`. Pure.

import type { Options } from '../../router/config.ts';
import type { BusFilter } from '../bus-filter.ts';
import { compileEventGrid, type FilterSettings } from './filter.ts';
import { refuseFilterable } from './options.ts';
import { passesFilter } from './passes.ts';

/** Throws CONFIG_INVALID for `filterable` where data may lie in a store. */
export function busFilter(options: Options, uriPrefix?: string): BusFilter {
  if (uriPrefix !== undefined) refuseFilterable(options);
  const settings: FilterSettings = {
    tier: options['topic'] === undefined ? 'topic' : 'namespace',
    filterable: (options['filterable'] ?? []) as readonly string[],
  };
  return {
    compile: (when) => compileEventGrid(when, settings),
    passes(when) {
      const { native } = compileEventGrid(when, settings);
      return native === null ? () => true : (event) => passesFilter(native, event);
    },
  };
}
