// The synthesized patterns say what their rules say: each published pattern stands under `data` in a rule of a document of its
// own, each of its events is the data of a CloudEvent in `detail`. The pattern is the plan's, which the construct carries as it
// is (event-router-limits.test.ts). Judged by event-ruler where Java and its jar are there, else by our library mode.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { compileFilter } from '../../adapters/eventbridge/filter.ts';
import { patternOf, templatePattern } from '../../infra/aws/pattern.ts';
import { awsPlan } from '../../infra/aws-plan.ts';
import { readFunctions } from '../../infra/functions.ts';
import { kinds } from '../../local/document-file.ts';
import { compileCondition } from '../../router/condition.ts';
import { isObject } from '../../router/config.ts';
import { checkDocument, type RouterDocument } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { createMatcher } from '../../router/matcher.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { decodeStructured } from '../../router/wire/json.ts';
import { envelopeOf } from '../adapters/eventbridge/scene.ts';
import { findRuler } from '../law/event-ruler.ts';
import { list } from './stack-scene.ts';

interface Vector {
  readonly id: string;
  /** Both are JSON texts. */
  readonly p: string;
  readonly e: string;
}

interface Case {
  readonly id: string;
  readonly pattern: string;
  readonly envelope: string;
  /** What the rule says. */
  readonly matches: boolean;
  readonly kind: 'exact' | 'wider' | 'none';
}

const file = new URL('../fixtures/pattern-vectors/pattern-vectors.jsonl.gz', import.meta.url);
const vectors = gunzipSync(readFileSync(file))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);
const functions = readFunctions(list);

interface Parts {
  readonly document: RouterDocument;
  readonly event: CloudEvent;
  readonly envelope: string;
}

/** Undefined where the strict profile refuses the pattern, or the event cannot be data of a CloudEvent on EventBridge. */
function partsOf({ p, e }: Vector): Parts | undefined {
  const text = `{"bus":{"use":"eventbridge","bus":"b"},"rules":[{"name":"r","when":{"data":${p}},"to":{"log":{}}}]}`;
  const json = `{"specversion":"1.0","id":"v","source":"/vectors","type":"vector","data":${e}}`;
  try {
    if (!isObject(JSON.parse(e))) return undefined;
    const event = decodeStructured(Buffer.from(json));
    return { document: checkDocument(readDocumentText(text), kinds), event, envelope: envelopeOf(event) };
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError || thrown instanceof SyntaxError, String(thrown));
    return undefined;
  }
}

function caseOf(vector: Vector): Case | undefined {
  const parts = partsOf(vector);
  if (parts === undefined) return undefined;
  const { document, event, envelope } = parts;
  const { when } = document.rules[0]!;
  const [rule] = awsPlan(document, functions, { prefix: 'busway' }).rules;
  const matches = compileCondition(when)(event);
  return { id: vector.id, pattern: rule!.pattern, envelope, matches, kind: compileFilter(when).kind };
}

const cases = vectors.flatMap((vector) => caseOf(vector) ?? []);

/** What is wrong with a verdict, or undefined: the same as the rule's, or wider where the plan says so. */
function breach({ matches, kind }: Case, passes: boolean): string | undefined {
  if (matches && !passes) return 'loses the event';
  return passes && !matches && kind === 'exact' ? 'is wider, and the plan says exact' : undefined;
}

const libraryPasses = ({ pattern, envelope }: Case): boolean => {
  const matcher = createMatcher();
  matcher.add('it', readPatternText(pattern));
  return matcher.matchText(Buffer.from(envelope)).length > 0;
};

test('patterns: the vectors are tried, and most of them are exact', () => {
  const exact = cases.filter(({ kind }) => kind === 'exact').length;

  assert.ok(cases.length > 3_000, `${cases.length} of ${vectors.length}`);
  assert.ok(exact > cases.length * 0.7, `${exact} of ${cases.length} are exact`);
  assert.ok(cases.filter(({ matches }) => matches).length > cases.length / 4);
});

test(`patterns: each of ${cases.length} synthesized ones has its rule's verdict, by library mode`, () => {
  const wrong = cases.flatMap((one) => {
    const says = breach(one, libraryPasses(one));
    return says === undefined ? [] : [inspect({ says, ...one })];
  });

  assert.deepEqual(wrong, []);
});

/**
 * event-ruler compares numbers by what the JVM prints. Before Java 19 that is not always the shortest text: 1e23 and 2e23 are
 * then no numbers to it, and 4.9e-324 is one.
 */
const printedByJvm = ({ envelope }: Case): boolean => /[12]e23\b|4\.9e-324/i.test(envelope);

const ruler = findRuler();

test(`patterns: each of ${cases.length} synthesized ones has its rule's verdict, by event-ruler`, {
  skip: ruler.ok ? false : ruler.reason,
}, async () => {
  assert.ok(ruler.ok);
  const verdicts = await ruler.judge(cases.map(({ pattern, envelope }) => ({ pattern, event: envelope })));
  const wrong = cases.flatMap((one, i) => {
    const verdict = verdicts[i]!;
    const says = verdict === 'invalid' || verdict === 'event-error' ? verdict : breach(one, verdict === 'match');
    return says === undefined || printedByJvm(one) ? [] : [inspect({ says, ...one })];
  });

  assert.deepEqual(wrong, []);
});

test('patterns: what stands in a template is the pattern, whichever form it takes', () => {
  for (const { pattern } of cases) {
    const found = templatePattern(pattern);
    assert.equal(typeof found === 'string' ? found : JSON.stringify(found), pattern);
  }
  const texts = [
    '{"detail":{"data":{"Ref":["a"]}}}',
    '{"detail":{"a":[null]}}',
    '{"detail":{"Fn::If":[{"exists":true}]}}',
  ];
  for (const text of texts) assert.equal(templatePattern(text), text);
  assert.deepEqual(templatePattern('{"detail":{"a":["b",1]}}'), { detail: { a: ['b', 1] } });
});

test('patterns: a rule over everything takes what PutEvents takes', () => {
  const everything = patternOf(readPatternText('{"data":{"a.b":["x"]}}'));

  assert.equal(everything, '{"source":[{"prefix":""}]}');
});
