// The two-pointer wildcard matcher as a contestant, for rules of one wildcard on the field `v`: an event as a value is its
// string, an event as text is parsed first.

import { parseArgs } from 'node:util';
import { contestant, type Engine, readSet, serveOrders } from './orders.ts';
import { matchesTwoPointer, wildcardUnits } from './two-pointer.ts';

interface WildcardPattern {
  readonly v: readonly [{ readonly wildcard: string }];
}

interface ValueEvent {
  readonly v: string;
}

const parse = (text: string | Buffer): ValueEvent => JSON.parse(text.toString()) as ValueEvent;

function engine<Event>(read: (text: string) => Event, textOf: (event: Event) => string): Engine<Event> {
  return {
    read,
    open() {
      const rules = new Map<string, Int32Array>();
      return {
        add({ name, pattern }) {
          rules.set(name, wildcardUnits((JSON.parse(pattern) as WildcardPattern).v[0].wildcard));
        },
        remove: (name) => rules.delete(name),
        match(event) {
          const value = textOf(event);
          const found: string[] = [];
          for (const [name, units] of rules) if (matchesTwoPointer(units, value)) found.push(name);
          return found;
        },
      };
    },
  };
}

const { values } = parseArgs({
  options: { mode: { type: 'string' }, rules: { type: 'string' }, events: { type: 'string' } },
});
const { mode, rules, events } = values;
if (rules === undefined || events === undefined) throw new Error('--rules and --events');
const set = readSet(rules, events);
const text = engine<Buffer>(
  (event) => Buffer.from(event),
  (event) => parse(event).v,
);
await serveOrders(
  mode === 'text'
    ? contestant(text, set)
    : contestant(
        engine(parse, (event) => event.v),
        set,
      ),
);
