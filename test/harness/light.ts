// Events as they travel when their data lies in a store, for the filter laws: some whole, some without data, some with a
// reference of the sender's own; and rules that ask for that reference.

import { lightOf, objectOf } from '../../adapters/dataref.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { Below } from './patterns.ts';

export const STORE = 's3://law-bucket/law/';

const FOREIGN = 'https://example.com/claim/1';

/** The clauses that a rule may have on dataref; each is told by what it takes of our reference, a foreign one and none. */
const clauses = [
  '[{"exists":false}]',
  '[{"exists":true}]',
  `["${FOREIGN}"]`,
  '[{"prefix":"s3://"}]',
  '[{"anything-but":"x"}]',
  '[{"exists":false},{"suffix":"/1"}]',
];

export interface Travelling {
  /** As it was published, and as its target gets it. */
  readonly whole: CloudEvent;
  /** As it is on the bus. */
  readonly seen: CloudEvent;
}

/** About half of what has data travels without it. */
export function travelling(below: Below, event: CloudEvent): Travelling {
  const { attributes, data } = event;
  if (below(6) === 0) {
    const own: CloudEvent = { ...event, attributes: { ...attributes, dataref: FOREIGN } };
    return { whole: own, seen: own };
  }
  if (data === undefined || below(2) === 0) return { whole: event, seen: event };
  return { whole: event, seen: lightOf(event, objectOf(data), STORE) };
}

/** The JSON text of a pattern, now and then with a clause on dataref. */
export function withDataref(below: Below, pattern: string): string {
  if (below(6) !== 0 || pattern.includes('"dataref"')) return pattern;
  const clause = `"dataref":${clauses[below(clauses.length)]!}`;
  return below(2) === 0 ? `{${clause},${pattern.slice(1)}` : `{"$or":[${pattern},{${clause}}]}`;
}
