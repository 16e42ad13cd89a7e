// A pattern that stands alone as JSON text: in the library profile, what event-ruler would make of it.

import { RouterError, toRouterError } from './errors.ts';
import type { Pattern } from './pattern.ts';
import { readPattern } from './read-pattern.ts';
import type { Profile } from './read-test.ts';
import { readJsonTree } from './wire/json-tree.ts';

/** Throws PATTERN_INVALID, whose message lists every mistake with its path. */
export function readPatternText(text: string, profile: Profile = 'library'): Pattern {
  const problems: string[] = [];
  const report = (path: string, says: string): undefined => {
    problems.push(path === '' ? `the pattern ${says}` : `${path}: ${says}`);
  };
  let pattern: Pattern | undefined;
  try {
    pattern = readPattern(readJsonTree(text), { path: '', profile, report });
  } catch (thrown) {
    throw new RouterError('PATTERN_INVALID', toRouterError(thrown).message, { cause: thrown });
  }
  if (pattern === undefined) throw new RouterError('PATTERN_INVALID', problems.join('; '), { problems });
  return pattern;
}
