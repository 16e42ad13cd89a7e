// A router document from JSON text. JSON.parse would silently keep the last of two equal names and round numbers that no
// double carries; here the first is refused with its path, and the second keeps its text (JSON.rawJSON).

import type { Problem } from './config.ts';
import { RouterError } from './errors.ts';
import { comparableNumber } from './match/number-text.ts';
import { type JsonTree, readJsonTree } from './wire/json-tree.ts';

function rawNumber(text: string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
  return rawJSON(text);
}

function plainValue(tree: JsonTree, path: string, repeated: string[]): unknown {
  switch (tree.kind) {
    case 'list':
      return tree.items.map((item, i) => plainValue(item, `${path}[${i}]`, repeated));
    case 'number':
      return comparableNumber(tree.text) ?? rawNumber(tree.text);
    case 'object': {
      const seen = new Set<string>();
      const members = tree.members.map(([name, value]) => {
        const at = path === '' ? name : `${path}.${name}`;
        if (seen.has(name)) repeated.push(at);
        seen.add(name);
        return [name, plainValue(value, at, repeated)] as const;
      });
      return Object.fromEntries(members);
    }
    default:
      return tree.value;
  }
}

export interface TextSurvey {
  readonly value: unknown;
  /** A line for every name that stands twice in one object, with its path. */
  readonly problems: readonly Problem[];
}

/** Throws NOT_JSON. */
export function surveyDocumentText(text: string): TextSurvey {
  const repeated: string[] = [];
  const value = plainValue(readJsonTree(text), '', repeated);
  return { value, problems: repeated.map((path) => ({ path, says: 'is written twice; only the last would count' })) };
}

/** Throws NOT_JSON, or DOCUMENT_INVALID with the path of every name that stands twice in one object. */
export function readDocumentText(text: string): unknown {
  const { value, problems } = surveyDocumentText(text);
  if (problems.length === 0) return value;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('DOCUMENT_INVALID', `the router document repeats names\n  ${lines.join('\n  ')}`, { problems });
}
