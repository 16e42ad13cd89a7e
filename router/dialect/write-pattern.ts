// A pattern as the JSON text that reads back as the same tree: entries in their order, because in the library profile a
// later one wins, repeated names too, and numbers as they were written.

import type { Entry, Leaf, Pattern } from '../pattern.ts';
import { testJson } from '../pattern-json.ts';

export function leafText({ anyOf }: Leaf): string {
  return `[${anyOf.map(testJson).join(',')}]`;
}

/** A leaf, fields or $or alternatives, without their name. */
export function entryText(entry: Entry): string {
  if (entry.kind === 'or') return `[${entry.anyOf.map(writePattern).join(',')}]`;
  return entry.of.kind === 'leaf' ? leafText(entry.of) : writePattern(entry.of);
}

/** JSON without space. */
export function writePattern(pattern: Pattern): string {
  const members = pattern.entries.map((entry) => {
    const name = entry.kind === 'or' ? '$or' : entry.name;
    return `${JSON.stringify(name)}:${entryText(entry)}`;
  });
  return `{${members.join(',')}}`;
}
