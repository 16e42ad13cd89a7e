// The CESQL technology compatibility kit: every case of every suite, its value and its kind of error.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { evaluateCesql, matchesCesql } from '../../../router/cesql/evaluate.ts';
import type { CesqlExpression } from '../../../router/cesql/expression.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { printCesql } from '../../../router/cesql/print.ts';
import { RouterError } from '../../../router/errors.ts';
import { type Attributes, checkAttributes } from '../../../router/event.ts';

interface Case {
  readonly name: string;
  readonly expression: string;
  readonly result?: string | number | boolean;
  readonly error?: string;
  readonly event?: Readonly<Record<string, unknown>>;
  readonly eventOverrides?: Readonly<Record<string, unknown>>;
}

interface Suite {
  readonly name: string;
  readonly tests: readonly Case[];
}

interface Yaml {
  readonly CORE_SCHEMA: unknown;
  readonly FAILSAFE_SCHEMA: unknown;
  load(text: string, options: { readonly schema: unknown }): unknown;
}
const yaml = createRequire(import.meta.url)('js-yaml') as Yaml;

const folder = new URL('../../fixtures/cesql-tck/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

/** Values are typed, but a time stays the text it is; an expression such as TRUE is text too, as it was written. */
function read(file: string): Suite {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const typed = yaml.load(text, { schema: yaml.CORE_SCHEMA }) as Suite;
  const written = yaml.load(text, { schema: yaml.FAILSAFE_SCHEMA }) as Suite;
  return { ...typed, tests: typed.tests.map((one, i) => ({ ...one, expression: written.tests[i]!.expression })) };
}

/** FORMAT.md: where a case names no event, any valid one will do. */
const anyEvent = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: 'https://example.com/tck',
  type: 'com.example.tck',
};

const attributesOf = ({ event, eventOverrides }: Case): Attributes =>
  checkAttributes({ ...(event ?? anyEvent), ...eventOverrides });

/** Spec 3.7 makes the cast from Integer to Boolean mandatory: 10 is true. See the fixture's README. */
function expected(file: string, one: Case): Case {
  if (file !== 'not_operator.yaml' || one.expression !== 'NOT 10') return one;
  assert.deepEqual([one.result, one.error], [true, 'cast'], 'the kit was corrected: take this exception out');
  const { error: _, ...rest } = one;
  return { ...rest, result: false };
}

function checkParseError({ expression }: Case): void {
  assert.throws(
    () => parseCesql(expression),
    (thrown) => thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID',
  );
}

function checkCase(one: Case): void {
  if (one.error === 'parse') {
    checkParseError(one);
    return;
  }
  const attributes = attributesOf(one);
  const expression: CesqlExpression = parseCesql(one.expression);

  const { value, error } = evaluateCesql(expression, attributes);

  assert.notEqual(one.result, undefined, 'a case without a result');
  assert.deepEqual([value, error?.kind], [one.result, one.error]);
  assert.equal(matchesCesql(expression, attributes), value === true && error === undefined);
  assert.deepEqual(evaluateCesql(parseCesql(printCesql(expression)), attributes).value, value);
}

test('CESQL TCK: every case of every suite holds', async (t) => {
  const failures: string[] = [];
  let passed = 0;
  for (const file of files) {
    const { name, tests } = read(file);
    await t.test(`CESQL TCK: ${name} (${file})`, () => {
      const before = failures.length;
      for (const one of tests) {
        try {
          checkCase(expected(file, one));
          passed++;
        } catch (thrown) {
          failures.push(`${one.name}: ${one.expression}: ${String(thrown)}`);
        }
      }
      assert.deepEqual(failures.slice(before), []);
    });
  }
  const says = `CESQL TCK: ${passed}/${passed + failures.length}`;
  t.diagnostic(says);
  console.log(says);
  assert.equal(files.length, 18);
  assert.equal(says, 'CESQL TCK: 275/275');
});
