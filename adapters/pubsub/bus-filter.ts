// What a rule becomes on Pub/Sub, for plan and for `busway filter`. Pure.

import { compileCondition } from '../../router/condition.ts';
import type { Options } from '../../router/config.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { BusFilter } from '../bus-filter.ts';
import { isLight } from '../dataref.ts';
import { compilePubSub, filterOf } from './filter.ts';
import { passes } from './filter-term.ts';
import { encodeMessage } from './wire.ts';

export function busFilter(_options: Options = {}, uriPrefix?: string): BusFilter {
  // Its publisher judged it with its data; what that said is not known here.
  const isUnjudged = (event: CloudEvent): boolean => uriPrefix !== undefined && isLight(event, uriPrefix);
  return {
    compile: compilePubSub,
    passes(when) {
      const { part, mark } = filterOf(when);
      const matches = compileCondition(when);
      // Where the filter asks for a mark, publishers have judged the whole rule.
      return (event) => {
        try {
          return (
            passes(part, encodeMessage(event).attributes) && (mark === undefined || isUnjudged(event) || matches(event))
          );
        } catch {
          return false; // not carriable, so never there
        }
      };
    },
  };
}
