// The language, held against event-ruler: 6,352 cases by the reference and by the engine.
// Where a case has `rec`, either verdict is right (test/fixtures/pattern-vectors/README.md).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { RouterError } from '../../router/errors.ts';
import { createMatcher } from '../../router/matcher.ts';
import type { Pattern } from '../../router/pattern.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { referenceMatches } from '../harness/reference-matcher.ts';

interface Vector {
  readonly id: string;
  readonly p: string;
  readonly e: string;
  readonly v: string;
  readonly rec?: string;
}

const file = new URL('../fixtures/pattern-vectors/pattern-vectors.jsonl.gz', import.meta.url);
const vectors = gunzipSync(readFileSync(file))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

type Judge = (pattern: Pattern, event: string) => boolean;

function verdictOf({ p, e }: Vector, judge: Judge): string {
  let pattern: Pattern;
  try {
    pattern = readPatternText(p);
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID', String(thrown));
    assert.notEqual(thrown.message, '');
    return 'invalid';
  }
  try {
    return judge(pattern, e) ? 'match' : 'no-match';
  } catch {
    return 'event-error';
  }
}

function engine(pattern: Pattern, event: string): boolean {
  const matcher = createMatcher();
  matcher.add('it', pattern);
  return matcher.matchText(Buffer.from(event)).length > 0;
}

const judges: Readonly<Record<string, Judge>> = { engine, reference: referenceMatches };

for (const [name, judge] of Object.entries(judges)) {
  test(`vectors: the ${name} has event-ruler's verdict on all ${vectors.length} cases`, () => {
    const wrong = vectors.filter((vector) => {
      const verdict = verdictOf(vector, judge);
      return verdict !== vector.v && verdict !== vector.rec;
    });

    assert.equal(vectors.length, 6352);
    assert.deepEqual(wrong, []);
  });
}
