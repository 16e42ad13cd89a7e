// The filter law of Event Grid where data may lie in a store: no filter asks for data or for a missing dataref, so what travels without
// its data passes as it would with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { busFilter } from '../../../adapters/eventgrid/bus-filter.ts';
import { compileEventGrid, type FilterSettings } from '../../../adapters/eventgrid/filter.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import { patternJson } from '../../../router/pattern-json.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { passesFilter } from '../../fakes/eventgrid-filter.ts';
import { STORE, travelling, withDataref } from '../../harness/light.ts';
import type { Below } from '../../harness/patterns.ts';
import { seededRandom } from '../../harness/random.ts';
import { cesql, event, eventNear, pattern } from './conditions.ts';
import { ruleOf, withEventGrid } from './scene.ts';

const RUNS = 400;
const NEAR = 15;

function conditionOf(below: Below, when: Condition): Condition {
  return when.kind === 'fields' ? readPatternText(withDataref(below, patternJson(when))) : when;
}

for (const tier of ['topic', 'namespace'] as const) {
  test(`eventgrid: a ${tier} passes every event that matches, some without their data`, () => {
    const settings: FilterSettings = { tier, filterable: [] };
    const counted = { light: 0, matched: 0, held: 0 };

    const conditions = fc.oneof({ weight: 4, arbitrary: pattern }, cesql);
    const property = fc.property(
      conditions,
      fc.array(event, { minLength: 5, maxLength: 5 }),
      fc.nat(),
      (given, any, seed) => {
        const random = seededRandom(seed);
        const below: Below = (n) => Math.floor(random() * n);
        const when = conditionOf(below, given);
        const { native, residual, kind } = compileEventGrid(when, settings);
        const matchesRule = compileCondition(when);
        for (const one of [...Array.from({ length: NEAR }, () => eventNear(given, below)), ...any]) {
          const { whole, seen } = travelling(below, one);
          const text = encodeStructuredText(seen);
          const passes = native === null || passesFilter(native, tier, text);
          const matches = matchesRule(whole);
          const says = `${inspect(when, { depth: 9 })} as ${inspect(native, { depth: 9 })} for ${text}`;
          assert.ok(passes || !matches, `loses an event: ${says}`);
          assert.equal(
            residual === null ? passes : passes && matches,
            matches,
            `native and residual (${kind}): ${says}`,
          );
          if (seen === whole) continue;
          counted.light++;
          if (matches) counted.matched++;
          if (!passes) counted.held++;
        }
      },
    );
    fc.assert(property, { numRuns: RUNS });

    const least = Math.min(counted.matched, counted.held, counted.light - counted.matched);
    assert.ok(least > counted.light / 20, inspect(counted));
  });
}

test("eventgrid: 'filterable' beside 'oversize' is refused, with the reason", async () => {
  const refused = { code: 'CONFIG_INVALID', message: /filterable.*oversize.*exclude/ };
  const options = { filterable: ['data.x'] };

  assert.throws(() => busFilter(options, STORE), refused);
  assert.equal(busFilter({}, STORE).compile(ruleOf('r', { data: { x: [1] } }).when).kind, 'none');
  await withEventGrid({}, async ({ open, topic }) => {
    const oversize = { uriPrefix: STORE, wholeOf: () => undefined };
    await assert.rejects(open({ ...topic(), ...options }, { oversize }), refused);
    await open(topic(), { oversize });
  });
});
