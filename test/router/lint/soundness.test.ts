// Lint says nothing that is not so: each finding over generated patterns is held against generated events, as the slow
// reference matcher judges them. Events are valid CloudEvents, since the envelope is what lint reasons about.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Finding } from '../../../router/lint/finding.ts';
import { implies, normalForm } from '../../../router/lint/normal-form.ts';
import { lintRules } from '../../../router/lint/rules.ts';
import type { Leaf, Pattern, Test } from '../../../router/pattern.ts';
import { decodeStructured } from '../../../router/wire/json.ts';
import { referenceMatches } from '../../harness/reference-matcher.ts';
import {
  eventText,
  listEventText,
  patternText,
  relatedInList,
  relatedTexts,
  schema,
  schemaEventText,
  schemaPatternText,
  strictPattern,
} from './arbitrary.ts';

const RUNS = 4_000;
const ten = { minLength: 10, maxLength: 10 };
const events = fc.array(eventText, ten);
const log = { kind: 'log', options: {} };

interface Found {
  readonly path: string;
  readonly leaf: Leaf;
}

/** Each leaf list and each $or branch by the place that lint names. */
function placesOf(pattern: Pattern): { readonly leaves: Map<string, Found>; readonly branches: Map<string, Pattern> } {
  const leaves = new Map<string, Found>();
  const branches = new Map<string, Pattern>();
  const visit = ({ entries }: Pattern, at: string): void => {
    for (const entry of entries) {
      if (entry.kind === 'field' && entry.of.kind === 'leaf') {
        leaves.set(`${at}.${entry.name}`, { path: entry.name, leaf: entry.of });
      }
      for (const [i, branch] of entry.kind === 'or' ? entry.anyOf.entries() : []) {
        branches.set(`${at}.$or[${i}]`, branch);
        visit(branch, `${at}.$or[${i}]`);
      }
    }
  };
  visit(pattern, 'when');
  return { leaves, branches };
}

function only(path: string, anyOf: readonly Test[]): Pattern {
  return { kind: 'fields', entries: [{ kind: 'field', name: path, of: { kind: 'leaf', anyOf } }] };
}

const everyString: Test = { op: 'prefix', value: '', ignoreCase: false };

/** A pattern that must match wherever the first does, as a finding about a part of a pattern claims. */
function claimOf(finding: Finding, pattern: Pattern): readonly [Pattern | 'all', Pattern | 'none'] {
  const { kind, at } = finding;
  const { leaves, branches } = placesOf(pattern);
  if (at === 'when') return kind === 'never-matches' ? [pattern, 'none'] : ['all', pattern];
  const branch = branches.get(at);
  if (branch !== undefined) {
    if (kind === 'never-matches') return [branch, 'none'];
    const list = at.slice(0, at.lastIndexOf('['));
    const others = [...branches].filter(([place]) => place.startsWith(list) && place !== at);
    return [branch, { kind: 'fields', entries: [{ kind: 'or', anyOf: others.map(([, other]) => other) }] }];
  }
  const whole = leaves.get(at);
  if (whole !== undefined) return [only(whole.path, [everyString]), only(whole.path, whole.leaf.anyOf)];
  const [, list = '', index = ''] = /^(.*)\[(\d+)\]$/.exec(at)!;
  const { path, leaf } = leaves.get(list)!;
  const one = only(path, [leaf.anyOf[Number(index)]!]);
  if (kind === 'matches-everything-listed') return [only(path, [everyString]), one];
  return [one, kind === 'shadowed' ? only(path, leaf.anyOf.toSpliced(Number(index), 1)) : 'none'];
}

function checkClaim(finding: Finding, pattern: Pattern, list: readonly string[], written: string): void {
  const [from, to] = claimOf(finding, pattern);
  for (const event of list) {
    if (from !== 'all' && !referenceMatches(from, event)) continue;
    const holds = to !== 'none' && referenceMatches(to, event);
    assert.ok(holds, `${written}\n${event}\n${JSON.stringify(finding)}`);
  }
}

test('lint: the generated events are valid CloudEvents', () => {
  fc.assert(
    fc.property(eventText, (written) => {
      decodeStructured(Buffer.from(written));
    }),
  );
});

const kinds = ['never-matches', 'matches-everything-listed', 'shadowed', 'type-mismatch'];
const alone = [
  ['every event', patternText, events, undefined, [...kinds, 'always-matches']],
  ['every event whose data follows the schema', schemaPatternText, fc.array(schemaEventText, ten), schema, kinds],
] as const;

for (const [which, patterns, lists, data, due] of alone) {
  test(`lint: what it says of one rule is so for ${which}`, () => {
    const told = new Map<string, number>();
    fc.assert(
      fc.property(patterns, lists, (written, list) => {
        const pattern = strictPattern(written);
        if (pattern === undefined) return;
        const options = data === undefined ? {} : { data };
        for (const finding of lintRules([{ name: 'r', when: pattern, to: log }], options)) {
          told.set(finding.kind, (told.get(finding.kind) ?? 0) + 1);
          checkClaim(finding, pattern, list, written);
        }
      }),
      { numRuns: RUNS },
    );
    for (const kind of due) assert.ok(told.has(kind), `${kind} was never told`);
  });
}

const pairs = [
  ['over all fields', relatedTexts, events],
  ['over the elements of a list', relatedInList, fc.array(listEventText, ten)],
] as const;

for (const [where, texts, lists] of pairs) {
  test(`lint: a rule that is said to be implied by another matches only what the other matches, ${where}`, () => {
    let [proved, met] = [0, 0];
    fc.assert(
      fc.property(texts, lists, ([first, second], list) => {
        const [a, b] = [strictPattern(first), strictPattern(second)];
        if (a === undefined || b === undefined) return;
        if (!implies(normalForm(a, undefined), normalForm(b, undefined))) return;
        proved++;
        for (const event of list) {
          if (!referenceMatches(a, event)) continue;
          met++;
          assert.ok(referenceMatches(b, event), `${first}\n${second}\n${event}`);
        }
      }),
      { numRuns: RUNS * 2 },
    );
    assert.ok(proved > RUNS / 10 && met > RUNS / 8, `${proved} implications, ${met} events`);
  });

  test(`lint: duplicates have the same verdicts and what is shadowed adds none, ${where}`, () => {
    const told = new Map<string, number>();
    fc.assert(
      fc.property(texts, lists, ([first, second], list) => {
        const [a, b] = [strictPattern(first), strictPattern(second)];
        if (a === undefined || b === undefined) return;
        const rules = [a, b].map((when, i) => ({ name: `r${i}`, when, to: log }));
        for (const { kind, rule, at } of lintRules(rules)) {
          if (at !== 'when' || (kind !== 'duplicate' && kind !== 'shadowed')) continue;
          told.set(kind, (told.get(kind) ?? 0) + 1);
          const [narrow, wide]: readonly [Pattern, Pattern] = rule === 'r0' ? [a, b] : [b, a];
          for (const event of list) {
            const inNarrow = referenceMatches(narrow, event);
            const inWide = referenceMatches(wide, event);
            if (kind === 'duplicate') assert.equal(inNarrow, inWide, `${first}\n${second}\n${event}`);
            else assert.ok(!inNarrow || inWide, `${first}\n${second}\n${event}`);
          }
        }
      }),
      { numRuns: RUNS * 2 },
    );
    for (const kind of ['duplicate', 'shadowed']) {
      assert.ok((told.get(kind) ?? 0) > RUNS / 20, `${kind} was told ${told.get(kind)} times only`);
    }
  });
}
