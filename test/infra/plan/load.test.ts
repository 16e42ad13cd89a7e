// What is measured of recorded events: sizes, and for each bus what it would deliver, in vain or not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LoadMeter, measureLoad } from '../../../infra/plan/load.ts';
import { compileForBuses } from '../../../infra/plan.ts';
import { kinds } from '../../../local/document-file.ts';
import { loadFilters } from '../../../local/plan/filters.ts';
import { compileCondition } from '../../../router/condition.ts';
import { surveyDocument } from '../../../router/document.ts';
import { decodeStructured } from '../../../router/wire/json.ts';
import { documentOf } from './scene.ts';

const survey = surveyDocument(
  documentOf('embedded', [
    { name: 'exact', when: { type: ['com.shop.order'] } },
    { name: 'wider', when: { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } } },
    { name: 'none', when: { data: { total: [5] } } },
  ]),
  kinds,
);
const { filters } = await loadFilters(survey.document, '/');

function feed(meter: LoadMeter, totals: readonly number[]): LoadMeter {
  for (const [i, total] of totals.entries()) {
    const type = i % 2 === 0 ? 'com.shop.order' : 'com.shop.other';
    const bytes = Buffer.from(JSON.stringify({ specversion: '1.0', id: `${i}`, source: '/s', type, data: { total } }));
    const event = decodeStructured(bytes);
    const matched = survey.document.rules.filter(({ when }) => compileCondition(when)(event)).map(({ name }) => name);
    meter.take(event, 100 + i, matched);
  }
  return meter;
}

test('load: a log delivers what matches; a bus that filters delivers what passes its filter', () => {
  const loads = feed(measureLoad(compileForBuses(survey, filters)), [500, 500, 5, 1]).result();
  const deliveredOn = (bus: string): readonly number[] => loads.get(bus)!.rules.map(({ delivered }) => delivered);

  // exact: the two orders. wider: the one over 100. none: the 5.
  assert.deepEqual(deliveredOn('kafka'), [0.5, 0.25, 0.25]);
  assert.deepEqual(deliveredOn('eventbridge'), [0.5, 0.25, 0.25], 'EventBridge sees the data');
  assert.deepEqual(deliveredOn('pubsub'), [0.5, 0.25, 0.25], 'publishers mark what does not match');
  assert.deepEqual(deliveredOn('eventgrid'), [0.5, 0.5, 1], 'Event Grid sees types, and of the last rule nothing');
});

test('load: sizes are those of the events, and without any the assumed load is said by every bus', () => {
  const measured = feed(measureLoad(compileForBuses(survey, filters)), [1, 2])
    .result()
    .get('kafka')!;
  const assumed = measureLoad(compileForBuses(survey, filters)).result();

  assert.deepEqual(
    [...measured.sizes],
    [
      [100, 1],
      [101, 1],
    ],
  );
  assert.deepEqual([...assumed.get('kafka')!.sizes], [[2048, 1]]);
  assert.deepEqual(
    assumed.get('eventgrid')!.rules.map(({ delivered }) => delivered),
    [0.1, 0.1, 1],
  );
});
