// busway match: which rules take these events. Reads no secret and opens no target.

import { toRouterError } from '../../router/errors.ts';
import { compilePattern } from '../../router/matcher.ts';
import { decodeStructured } from '../../router/wire/json.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { linesOf } from '../lines.ts';

async function run(args: Args, io: Io): Promise<number> {
  const { document } = await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd);
  const rules = document.rules.map(({ name, when }) => ({ name, matches: compilePattern(when) }));
  let problems = 0;
  for await (const [, line] of linesOf(io.stdin)) {
    try {
      const event = decodeStructured(line);
      const taken = rules.filter((rule) => rule.matches(event)).map((rule) => rule.name);
      io.out(JSON.stringify({ id: event.attributes.id, rules: taken }));
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
  usage: 'match [--config FILE] < events.jsonl',
  says: 'Reads CloudEvents, one JSON line each, and prints {"id","rules"} for each: the names of the rules that take it.',
  example: 'busway normalize github --headers headers.txt < push.json | busway match',
  options: { config: shared.config },
  run,
};
