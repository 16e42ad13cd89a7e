// busway explain: why an event does not match a rule, or how near it came to each. Reads no secret and opens no target.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { unknownName } from '../../router/config.ts';
import { toRouterError } from '../../router/errors.ts';
import { eventTree } from '../../router/explain/event-tree.ts';
import { explain as explainPattern, explanationText } from '../../router/explain.ts';
import { nearMisses } from '../../router/near-miss.ts';
import type { Rule } from '../../router/rule.ts';
import { decodeStructured } from '../../router/wire/json.ts';
import type { JsonTree } from '../../router/wire/json-tree.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { readAll } from '../lines.ts';

async function readEvent(file: string, io: Io): Promise<JsonTree> {
  let bytes: Buffer;
  try {
    bytes = file === '-' ? await readAll(io.stdin) : await readFile(resolve(io.cwd, file));
  } catch {
    throw usage(
      `busway explain: --event ${file} cannot be read; name a file with one CloudEvent as JSON, or - for stdin`,
    );
  }
  try {
    const event = decodeStructured(bytes);
    if (event.data === undefined && event.attributes['dataref'] !== undefined) {
      io.err("the event's data is not here but where its 'dataref' says: what rules ask of data cannot be judged");
    }
    return eventTree(event);
  } catch (thrown) {
    // Exit code 1 says that the rule does not match; what is no event is wrong use.
    throw usage(`busway explain: --event ${file} is not one CloudEvent as JSON: ${toRouterError(thrown).message}`);
  }
}

function ruleNamed(name: string, rules: readonly Rule[]): Rule {
  const rule = rules.find((one) => one.name === name);
  if (rule !== undefined) return rule;
  const names = rules.map((one) => one.name);
  throw usage(`busway explain: ${unknownName('rule', name, names)}`);
}

interface Asked {
  readonly rules: readonly Rule[];
  readonly event: JsonTree;
  readonly json: boolean;
}

function explainOne(rule: Rule, { rules, event, json }: Asked, io: Io): number {
  const explanation = explainPattern(rule.when, event);
  const others = rules.filter((one) => one !== rule && explainPattern(one.when, event).matched);
  const matching = others.map(({ name }) => name);
  if (json) {
    io.out(JSON.stringify({ rule: rule.name, ...explanation, ...(explanation.matched ? {} : { matching }) }));
  } else {
    io.out(explanationText(rule.name, explanation));
    if (!explanation.matched) {
      io.out(matching.length === 0 ? 'no other rule matches' : `rules that match: ${matching.join(', ')}`);
    }
  }
  return explanation.matched ? 0 : 1;
}

function explainAll({ rules, event, json }: Asked, io: Io): number {
  const misses = nearMisses(rules, event);
  const missed = new Set(misses.map(({ rule }) => rule));
  const matching = rules.filter(({ name }) => !missed.has(name));
  for (const { name } of matching) {
    io.out(json ? JSON.stringify({ rule: name, score: 1, matched: true }) : explanationText(name, { matched: true }));
  }
  for (const { rule, score, explanation } of misses) {
    io.out(json ? JSON.stringify({ rule, score, ...explanation }) : explanationText(rule, explanation));
  }
  if (rules.length === 0) io.err('the router document has no rules');
  return matching.length > 0 ? 0 : 1;
}

async function run(args: Args, io: Io): Promise<number> {
  const file = args.string('event');
  if (file === undefined) throw usage('busway explain: name an event with --event FILE, or --event - for stdin');
  const { document } = await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd);
  const { rules } = document;
  const name = args.string('rule');
  const rule = name === undefined ? undefined : ruleNamed(name, rules);
  const asked = { rules, event: await readEvent(file, io), json: args.flag('json') };
  return rule === undefined ? explainAll(asked, io) : explainOne(rule, asked, io);
}

export const explain: Command = {
  name: 'explain',
  usage: 'explain [--rule R] --event FILE [--config FILE]',
  says:
    'Tells why an event does not match a rule: the clause that fails, what the rule wants there, what the event has, and\n' +
    'what was likely meant. Without --rule, tells it of every rule, the nearest first. Exit code 0 when it matches, else 1.',
  example: 'busway explain --rule opened-pull-requests --event event.json',
  options: {
    config: shared.config,
    rule: { type: 'string', value: 'R', says: 'the rule (default: all)' },
    event: { type: 'string', value: 'FILE', says: 'one CloudEvent as JSON; - is stdin' },
    json: shared.json,
  },
  run,
};
