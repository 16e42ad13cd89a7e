// Rule tests as data: given this event, expect these rules and no others. Read from a document, or from a list beside it,
// with every mistake at once; run by router/run-rule-tests.ts.

import { checkOptions, isObject, type Problem, show, unknownName } from './config.ts';
import { toRouterError } from './errors.ts';
import type { CloudEvent } from './event.ts';
import { decodeStructured } from './wire/json.ts';

export interface RuleTest {
  readonly name: string;
  readonly event: CloudEvent;
  /** Names of the rules that match; none is an expectation too. */
  readonly rules: readonly string[];
}

interface Place {
  readonly path: string;
  /** The rules of the document. */
  readonly names: readonly string[];
  readonly problems: Problem[];
}

function readEvent(input: unknown, path: string, problems: Problem[]): CloudEvent | undefined {
  const refuse = (says: string): undefined => void problems.push({ path, says });
  if (!isObject(input)) return refuse(`must be a CloudEvent in JSON form, found ${show(input)}`);
  let text: string;
  try {
    text = JSON.stringify(input);
  } catch {
    return refuse('must be JSON; it holds a circle, a bigint, or is nested too deep');
  }
  try {
    return decodeStructured(Buffer.from(text, 'utf8'));
  } catch (thrown) {
    return refuse(`is no valid CloudEvent: ${toRouterError(thrown).message}`);
  }
}

function readNames(input: unknown, { path, names, problems }: Place): readonly string[] {
  if (!Array.isArray(input)) {
    problems.push({ path, says: `must be a list of rule names, [] where none is to match, found ${show(input)}` });
    return [];
  }
  const read = new Set<string>();
  for (const [i, name] of input.entries()) {
    const at = `${path}[${i}]`;
    if (typeof name !== 'string') problems.push({ path: at, says: `must be the name of a rule, found ${show(name)}` });
    else if (!names.includes(name)) problems.push({ path: at, says: unknownName('rule', name, names) });
    else if (read.has(name)) problems.push({ path: at, says: `'${name}' is in the list twice` });
    else read.add(name);
  }
  return [...read];
}

/** Reads a list of tests; what is wrong is added to the problems, and what is right is returned. */
export function readRuleTests(input: unknown, place: Place): readonly RuleTest[] {
  const { path, problems } = place;
  if (!Array.isArray(input)) {
    problems.push({ path, says: `must be a list of { name, event, rules }, found ${show(input)}` });
    return [];
  }
  return input.flatMap((item, i) => {
    const at = `${path}[${i}]`;
    const before = problems.length;
    const options = checkOptions(
      item,
      {
        name: { type: 'string', required: true, says: 'what is tested' },
        event: { type: 'json', required: true, says: 'a CloudEvent in JSON form' },
        rules: { type: 'json', required: true, says: 'the names of the rules that match it' },
      },
      at,
      problems,
    );
    if (problems.length > before) return [];
    const event = readEvent(options['event'], `${at}.event`, problems);
    const rules = readNames(options['rules'], { ...place, path: `${at}.rules` });
    return event === undefined ? [] : [{ name: options['name'] as string, event, rules }];
  });
}
