// How a bus filters, told without opening it: for plan and for `busway filter`.

import type { Condition } from '../router/condition.ts';
import type { CloudEvent } from '../router/event.ts';
import type { Split } from './adapter.ts';

export interface BusFilter {
  compile(when: Condition): Split<unknown>;
  /**
   * Whether the bus delivers an event to a rule with this condition, every publisher being up to date. Absent where the
   * bus filters nothing.
   */
  readonly passes?: (when: Condition) => (event: CloudEvent) => boolean;
}

/** A log bus is read whole and filters nothing: the handler decides. */
export const unfiltered: BusFilter = { compile: (when) => ({ kind: 'none', native: null, residual: when }) };
