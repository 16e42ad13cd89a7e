// Our matcher as a contestant: one rule set and one way in per process, so that no other set shapes its code or its heap.
// Driven by lines (see orders.ts), or by hand for some seconds, for instance under a profiler:
//   node --cpu-prof test/bench/rules/ours.ts --mode text --set EXACT --seconds 5

import { parseArgs } from 'node:util';
import { unknownName } from '../../../router/config.ts';
import { createMatcher } from '../../../router/matcher.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { type Contestant, contestant, type Engine, readSet, serveOrders } from './orders.ts';
import type { RuleSet } from './rule.ts';
import { namedSet } from './sets.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

function engine<Event>(read: (text: string) => Event, way: 'matchText' | 'matchTrusted' | 'matchValue'): Engine<Event> {
  return {
    read,
    open() {
      const matcher = createMatcher();
      const match = matcher[way] as (event: Event) => readonly string[];
      return {
        add: ({ name, pattern }) => matcher.add(name, readPatternText(pattern)),
        remove: (name) => matcher.remove(name),
        match,
      };
    },
  };
}

const modes: Readonly<Record<string, (set: RuleSet) => Contestant>> = {
  text: (set) => contestant(engine(bytes, 'matchText'), set),
  trusted: (set) => contestant(engine(bytes, 'matchTrusted'), set),
  parsed: (set) => contestant(engine(JSON.parse, 'matchValue'), set),
};

async function byHand({ ready, pass }: Contestant, seconds: number): Promise<void> {
  console.log(JSON.stringify(ready));
  for (let second = 0; second < seconds; second++) {
    const { events, cpuUs, matches } = await pass(1_000);
    console.log(
      `${((events / cpuUs) * 1_000).toFixed(1)} k events/s, ${(matches / events).toFixed(3)} matches an event`,
    );
  }
}

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'text' },
    set: { type: 'string' },
    rules: { type: 'string' },
    events: { type: 'string' },
    seconds: { type: 'string', default: '5' },
  },
});
const open = modes[values.mode];
if (open === undefined) throw new Error(unknownName('mode', values.mode, Object.keys(modes)));
if (values.set !== undefined) await byHand(open(namedSet(values.set)), Number(values.seconds));
else if (values.rules === undefined || values.events === undefined) throw new Error('--set or --rules and --events');
else await serveOrders(open(readSet(values.rules, values.events)));
