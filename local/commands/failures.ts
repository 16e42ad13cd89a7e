// busway failures: what could not be delivered, one line each, with the reason of the last attempt.

import { type Args, type Command, type Io, shared } from '../command.ts';
import { failureLine } from '../event-text.ts';
import { openBusToRead } from '../read-bus.ts';
import { sameOptions } from '../router-file.ts';
import { failuresOf } from '../runtime.ts';

async function run(args: Args, io: Io): Promise<number> {
  const rule = args.string('rule');
  const { adapter, part: log } = await openBusToRead(args, io, failuresOf);
  let count = 0;
  try {
    for await (const record of log.list(io.signal)) {
      if (rule !== undefined && record.rule !== rule) continue;
      count++;
      if (args.flag('json')) io.out(failureLine(record));
      else {
        const about =
          record.event === null
            ? 'a record that is no event'
            : `${record.event.attributes.type} ${record.event.attributes.id}`;
        const tries = record.attempts === 1 ? '1 try' : `${record.attempts} tries`;
        io.out(
          `${record.id} ${record.at} ${record.rule ?? '-'}: ${about}: ${record.reason} (${record.code}, ${tries})`,
        );
      }
    }
  } finally {
    await adapter.close();
  }
  const which = rule === undefined ? '--all' : `--rule ${rule}`;
  if (count > 0) io.err(`${count} failed; deliver again with: npx busway redrive ${which}${sameOptions(args)}`);
  else if (!args.flag('json')) io.err(`no failures on the ${adapter.name} bus`);
  return 0;
}

export const failures: Command = {
  name: 'failures',
  usage: 'failures [--json] [--rule R]',
  says: 'Lists what could not be delivered after its last attempt.',
  example: 'busway failures --rule opened-pull-requests --json',
  options: {
    config: shared.config,
    bus: shared.bus,
    data: shared.data,
    rule: { type: 'string', value: 'R', says: 'only of this rule' },
    json: shared.json,
  },
  run,
};
