// A pattern written as EventBridge JSON again: its canonical text, whose length is what a bus counts, and short texts of
// single tests for messages. Numbers that no double carries keep their text.

import type { Entry, NegatedTest, Pattern, Test } from './pattern.ts';
import { canonicalJson } from './rule.ts';

function object(members: readonly (readonly [name: string, text: string])[]): string {
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

function operator(name: string, value: unknown): string {
  return canonicalJson({ [name]: value });
}

function notJson(not: readonly NegatedTest[]): unknown {
  const [first] = not;
  const values = not.map(({ value }) => value);
  const listed = values.length === 1 ? values[0] : values;
  return first === undefined || first.op === 'equals' ? listed : { [first.op]: listed };
}

/** One alternative of a leaf list as JSON. */
export function testJson(test: Test): string {
  switch (test.op) {
    case 'equals':
      return JSON.stringify(test.value);
    case 'number-text':
      return test.text;
    case 'prefix':
    case 'suffix':
      return operator(test.op, test.ignoreCase ? { 'equals-ignore-case': test.value } : test.value);
    case 'numeric':
      return operator(
        test.op,
        test.bounds.flatMap(({ op, value }) => [op, value]),
      );
    case 'anything-but':
      return operator(test.op, notJson(test.not));
    default:
      return operator(test.op, test.value);
  }
}

/** For messages. */
export function showTest(test: Test): string {
  const text = testJson(test);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function entryJson(entry: Entry): readonly [name: string, text: string] {
  if (entry.kind === 'or') return ['$or', `[${entry.anyOf.map(patternJson).join(',')}]`];
  if (entry.of.kind === 'fields') return [entry.name, patternJson(entry.of)];
  return [entry.name, `[${entry.of.anyOf.map(testJson).join(',')}]`];
}

/** JSON without space, names sorted: equal patterns have one text whatever the order they were written in. */
export function patternJson(pattern: Pattern): string {
  return object(pattern.entries.map(entryJson).sort(([a], [b]) => (a < b ? -1 : 1)));
}
