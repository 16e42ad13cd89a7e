// What a condition asks of attributes alone: never more than the condition, so that no event is lost by it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asksForData, attributePart, indexAttributes } from '../../router/attribute-part.ts';
import { parseCesql } from '../../router/cesql/parse.ts';
import { type Condition, compileCondition } from '../../router/condition.ts';
import type { CloudEvent } from '../../router/event.ts';
import { patternJson } from '../../router/pattern-json.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { randomCase } from '../adapters/eventbridge/law-cases.ts';
import { seededRandom } from '../harness/random.ts';

const cesql = (text: string): Condition => ({ kind: 'cesql', text, expression: parseCesql(text) });
const jsonOf = (when: Condition | undefined): unknown =>
  when?.kind === 'fields' ? JSON.parse(patternJson(when)) : when?.text;

/** The same event as it may be seen without its data. */
function withoutData({ attributes }: CloudEvent): CloudEvent {
  return { attributes: { ...attributes, dataref: 's3://bucket/0' } };
}

test('attribute part: what matches with its data matches by its attributes alone, over random rules and events', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const { when, event, text } = randomCase((n) => Math.floor(random() * n));
      const part = attributePart(when);
      if (part === undefined || !compileCondition(when)(event)) return;
      for (const seen of [event, withoutData(event), { attributes: event.attributes }]) {
        assert.ok(compileCondition(part)(seen), text);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('attribute part: clauses on data and on dataref go, the others stay as they are', () => {
  const cases: readonly (readonly [pattern: string, part: unknown])[] = [
    ['{"type":["a"],"data":{"x":[1]}}', { type: ['a'] }],
    ['{"type":["a"],"data.x":[1],"dataref":[{"exists":false}]}', { type: ['a'] }],
    ['{"datacontenttype":["a/b"],"data":[{"exists":true}]}', { datacontenttype: ['a/b'] }],
    [
      '{"type":["a"],"$or":[{"subject":["s"]},{"source":["/b"],"data":["x"]}]}',
      { type: ['a'], $or: [{ subject: ['s'] }, { source: ['/b'] }] },
    ],
    ['{"type":["a"],"$or":[{"subject":["s"]},{"data":["x"]}]}', { type: ['a'], $or: [{ subject: ['s'] }, {}] }],
    ['{"data":{"x":[1]}}', undefined],
    ['{"$or":[{"subject":["s"]},{"data":["x"]}]}', undefined],
  ];
  for (const [pattern, part] of cases) {
    const when = readPatternText(pattern);
    assert.ok(asksForData(when));
    assert.deepEqual(jsonOf(attributePart(when)), part, pattern);
  }
});

test('attribute part: a rule over other attributes is its own part, and CESQL that names dataref has none', () => {
  const same = [readPatternText('{"type":["a"],"database":["x"]}'), cesql("type = 'a' AND EXISTS subject")];
  for (const when of same) assert.deepEqual([asksForData(when), attributePart(when)], [false, when]);
  for (const text of ['NOT EXISTS dataref', "type = 'a' OR DataRef LIKE 's3:%'"]) {
    assert.deepEqual([asksForData(cesql(text)), attributePart(cesql(text))], [true, undefined], text);
  }
});

test('attribute part: the index gives every rule that may take the event, in the order given', () => {
  const rules = [
    { name: 'data only', when: readPatternText('{"data":{"x":[1]}}') },
    { name: 'other type', when: readPatternText('{"type":["b"],"data":{"x":[1]}}') },
    { name: 'same type', when: readPatternText('{"type":["a"],"data":{"x":[1]}}') },
    { name: 'cesql', when: cesql("type = 'a'") },
    { name: 'dataref', when: cesql('NOT EXISTS dataref') },
    { name: 'exact', when: readPatternText('{"type":["a"]}') },
  ];
  const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/s', type: 'a' } };

  assert.deepEqual(indexAttributes(rules)(event), ['data only', 'same type', 'cesql', 'dataref', 'exact']);
  assert.deepEqual(indexAttributes([])(event), []);
});
