// busway match: which rules take these events. Reads no secret and opens no target.

import { indexRules } from '../../router/condition.ts';
import { isObject } from '../../router/config.ts';
import { toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { eventTree } from '../../router/explain/event-tree.ts';
import { explanationText } from '../../router/explain.ts';
import { createMatcher } from '../../router/matcher.ts';
import { nearMisses } from '../../router/near-miss.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import type { Rule } from '../../router/rule.ts';
import { decodeStructured } from '../../router/wire/json.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { linesOf } from '../lines.ts';

// More than a few near misses of one event are no help.
const MAX_NEAREST = 3;

/** The rules that came nearest to an event that none takes, each with the text of `busway explain`. */
function nearestOf(rules: readonly Rule[], event: CloudEvent): readonly { rule: string; text: string }[] {
  const misses = nearMisses(rules, eventTree(event), { limit: MAX_NEAREST });
  return misses.map(({ rule, explanation }) => ({ rule, text: explanationText(rule, explanation) }));
}

interface Case {
  readonly pattern: string;
  readonly event: string;
}

/** A line of --cases; a text says what is wrong with it. */
function readCase(line: Buffer): Case | string {
  let read: unknown;
  try {
    read = JSON.parse(line.toString('utf8'));
  } catch {
    return 'the line is not JSON';
  }
  const { p, pattern = p, e, event = e } = isObject(read) ? read : {};
  if (typeof pattern === 'string' && typeof event === 'string') return { pattern, event };
  return 'the line must hold "pattern" (or "p") and "event" (or "e"), both JSON texts in a string';
}

function verdictOf({ pattern, event }: Case): { readonly verdict: string; readonly reason?: string } {
  const matcher = createMatcher();
  try {
    matcher.add('case', readPatternText(pattern));
  } catch (thrown) {
    return { verdict: 'invalid', reason: toRouterError(thrown).message };
  }
  try {
    return { verdict: matcher.matchText(Buffer.from(event)).length > 0 ? 'match' : 'no-match' };
  } catch (thrown) {
    return { verdict: 'event-error', reason: toRouterError(thrown).message };
  }
}

async function runCases(io: Io): Promise<number> {
  let problems = 0;
  for await (const [number, line] of linesOf(io.stdin)) {
    const read = readCase(line);
    if (typeof read === 'string') {
      problems++;
      io.out(JSON.stringify({ verdict: 'invalid', reason: `line ${number}: ${read}` }));
    } else io.out(JSON.stringify(verdictOf(read)));
  }
  return problems === 0 ? 0 : 1;
}

async function run(args: Args, io: Io): Promise<number> {
  if (args.flag('cases')) {
    const other = ['config', 'explain'].find((name) => args.string(name) !== undefined || args.flag(name));
    if (other !== undefined) throw usage(`busway match: --cases goes without --${other}; each line brings its pattern`);
    return runCases(io);
  }
  const { document } = await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd);
  const matching = indexRules(document.rules);
  let problems = 0;
  for await (const [, line] of linesOf(io.stdin)) {
    try {
      const event = decodeStructured(line);
      const taken = matching(event);
      const nearest = args.flag('explain') && taken.length === 0 ? { nearest: nearestOf(document.rules, event) } : {};
      io.out(JSON.stringify({ id: event.attributes.id, rules: taken, ...nearest }));
    } catch (thrown) {
      problems++;
      const { code, message } = toRouterError(thrown);
      io.out(JSON.stringify({ id: null, error: { code, message } }));
    }
  }
  return problems === 0 ? 0 : 1;
}

export const match: Command = {
  name: 'match',
  usage: 'match [--config FILE] [--explain] < events.jsonl, or match --cases < cases.jsonl',
  says:
    'Reads CloudEvents, one JSON line each, and prints {"id","rules"} for each: the names of the rules that take it.\n' +
    'With --cases reads {"pattern","event"}, both JSON texts, and prints {"verdict","reason"?}: the pattern language by itself.',
  example: 'busway normalize github --headers headers.txt < push.json | busway match',
  options: {
    config: shared.config,
    cases: { type: 'boolean', says: 'a pattern and an event a line, judged as event-ruler would' },
    explain: {
      type: 'boolean',
      says: 'for an event that no rule takes, add "nearest": which rules came near, and why not',
    },
  },
  run,
};
