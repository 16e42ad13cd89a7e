// Many rules at once are as each rule alone, with rules coming and going in between, and however the event comes in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouterError } from '../../router/errors.ts';
import { createMatcher } from '../../router/matcher.ts';
import type { Pattern } from '../../router/pattern.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { type JsonTree, readJsonTree } from '../../router/wire/json-tree.ts';
import { type Below, randomEvent, randomPattern } from '../harness/patterns.ts';
import { seededRandom } from '../harness/random.ts';
import { referenceMatches } from '../harness/reference-matcher.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

function belowOf(start: number): Below {
  const random = seededRandom(start);
  return (n) => Math.floor(random() * n);
}

/** Whether a path, written as one name or as several, stands twice outside of arrays: then text is not to be trusted. */
function repeatsPath(event: string): boolean {
  const seen = new Set<string>();
  const visit = (tree: JsonTree, path: string): boolean =>
    tree.kind === 'object' &&
    tree.members.some(([name, member]) => {
      const here = `${path}${name}`;
      const again = seen.has(here);
      seen.add(here);
      return again || visit(member, `${here}.`);
    });
  return visit(readJsonTree(event), '');
}

interface Known {
  readonly text: string;
  readonly pattern: Pattern;
}

/** Adds a rule, or takes one away. */
function change(rules: Map<string, Known>, below: Below, step: number): { added?: string; removed?: string } {
  if (rules.size > 3 && below(3) === 0) {
    const removed = [...rules.keys()][below(rules.size)]!;
    rules.delete(removed);
    return { removed };
  }
  const text = randomPattern(below);
  const added = `rule-${step}`;
  rules.set(added, { text, pattern: readPatternText(text) });
  return { added };
}

test('matcher: many rules that come and go match as each alone does', () => {
  const below = belowOf(seed);
  let hits = 0;
  for (let round = 0; round < 120; round++) {
    const matcher = createMatcher();
    const rules = new Map<string, Known>();
    for (let step = 0; step < 50; step++) {
      const { added, removed } = change(rules, below, step);
      if (added !== undefined) matcher.add(added, rules.get(added)!.pattern);
      if (removed !== undefined) assert.equal(matcher.remove(removed), true);
      const event = randomEvent(below);
      const alone = [...rules].filter(([, { pattern }]) => referenceMatches(pattern, event)).map(([name]) => name);
      hits += alone.length;

      const says = (): string =>
        `seed ${seed}: ${event} against ${[...rules].map(([name, { text }]) => `${name} ${text}`).join('\n')}`;
      const text = Buffer.from(event);
      if (matcher.matchText(text).join() !== alone.join()) assert.deepEqual(matcher.matchText(text), alone, says());
      if (!repeatsPath(event)) assert.deepEqual(matcher.matchTrusted(text), alone, says());
      assert.equal(matcher.size, rules.size);
    }
  }
  assert.ok(hits > 1000, `only ${hits} matches: the property says little`);
});

test('matcher: a parsed event matches as its text does, when no name repeats and every number is a double', () => {
  const below = belowOf(seed);
  const matcher = createMatcher();
  for (let i = 0; i < 200; i++) matcher.add(`rule-${i}`, readPatternText(randomPattern(below)));
  for (let i = 0; i < 5000; i++) {
    const text = Buffer.from(JSON.stringify(JSON.parse(randomEvent(below))));
    const value = JSON.parse(text.toString('utf8')) as unknown;

    assert.deepEqual(matcher.matchValue(value), matcher.matchText(text), `seed ${seed}: ${text}`);
  }
});

test('matcher: after the last rule is gone nothing is left that matches or is read', () => {
  const below = belowOf(seed);
  const matcher = createMatcher();
  const names = Array.from({ length: 300 }, (_, i) => `rule-${i}`);
  for (const name of names) matcher.add(name, readPatternText(randomPattern(below)));
  for (const name of names) assert.equal(matcher.remove(name), true);
  for (let i = 0; i < 500; i++) assert.deepEqual(matcher.matchText(Buffer.from(randomEvent(below))), []);

  assert.equal(matcher.size, 0);
  assert.equal(matcher.remove('rule-0'), false);
});

/** A text with a few bytes changed, dropped or doubled. */
function mutated(text: string, below: Below): Buffer {
  const bytes = [...Buffer.from(text)];
  for (let i = 1 + below(3); i > 0; i--) {
    const at = below(bytes.length + 1);
    const kind = below(3);
    if (kind === 0) bytes.splice(at, 1);
    else if (kind === 1) bytes.splice(at, 1, below(256));
    else bytes.splice(at, 0, ...Buffer.from('{}[]",:\\-e.0 '.charAt(below(13))));
  }
  return Buffer.from(bytes);
}

function parses(text: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

test('matcher: text is taken exactly when it is UTF-8 and the JSON parser takes it as an object', () => {
  const below = belowOf(seed);
  const matcher = createMatcher();
  for (let i = 0; i < 20; i++) matcher.add(`rule-${i}`, readPatternText(randomPattern(below)));
  let taken = 0;
  for (let i = 0; i < 100_000; i++) {
    const text = mutated(randomEvent(below), below);
    let took = true;
    try {
      matcher.matchText(text);
      taken++;
    } catch (thrown) {
      if (!(thrown instanceof RouterError)) throw thrown;
      took = false;
    }
    if (took !== parses(text)) assert.fail(`seed ${seed}: took ${took}: ${JSON.stringify(text.toString('latin1'))}`);
  }
  assert.ok(taken > 5000 && taken < 95_000, `${taken} taken: the property says little`);
});

test('pattern: 100,000 broken pattern texts give PATTERN_INVALID or a pattern, never anything else', () => {
  const below = belowOf(seed);
  let read = 0;
  for (let i = 0; i < 100_000; i++) {
    const text = mutated(randomPattern(below), below).toString('utf8');
    try {
      const matcher = createMatcher();
      matcher.add('it', readPatternText(text));
      read++;
    } catch (thrown) {
      if (!(thrown instanceof RouterError) || thrown.code !== 'PATTERN_INVALID') {
        assert.fail(`seed ${seed}: ${JSON.stringify(text)}: ${thrown}`);
      }
    }
  }
  assert.ok(read > 1000 && read < 99_000, `${read} read: the property says little`);
});
