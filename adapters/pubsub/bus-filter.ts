// What a rule becomes on Pub/Sub, for plan and for `busway filter`. Pure.

import { compileCondition } from '../../router/condition.ts';
import type { BusFilter } from '../bus-filter.ts';
import { compilePubSub, filterOf } from './filter.ts';
import { passes } from './filter-term.ts';
import { encodeMessage } from './wire.ts';

export function busFilter(): BusFilter {
  return {
    compile: compilePubSub,
    passes(when) {
      const { part, mark } = filterOf(when);
      const matches = compileCondition(when);
      // Where the filter asks for a mark, publishers have judged the whole rule.
      return (event) => {
        try {
          return passes(part, encodeMessage(event).attributes) && (mark === undefined || matches(event));
        } catch {
          return false; // not carriable, so never there
        }
      };
    },
  };
}
