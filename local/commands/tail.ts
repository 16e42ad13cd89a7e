// busway tail: what is on the bus, without moving any consumer. Works beside a running router.

import { type Args, type Command, type Io, shared } from '../command.ts';
import { eventLine } from '../event-text.ts';
import { openBusToRead } from '../read-bus.ts';

async function run(args: Args, io: Io): Promise<number> {
  const last = args.integer('last', { default: 10, min: 0, max: 1_000_000 });
  const adapter = await openBusToRead(args, io);
  try {
    for await (const event of adapter.tail({ last, follow: args.flag('follow') }, io.signal)) {
      const { time, type, id, source, subject } = event.attributes;
      const when = event.attributes['recordedtime'] ?? time ?? '-';
      io.out(args.flag('json') ? eventLine(event) : [when, type, id, source, subject ?? ''].join(' ').trimEnd());
    }
    return 0;
  } finally {
    await adapter.close();
  }
}

export const tail: Command = {
  name: 'tail',
  usage: 'tail [--last 10] [--follow] [--json]',
  says: 'Prints the newest events on the bus, oldest first.',
  example: 'busway tail --follow --json',
  options: {
    config: shared.config,
    bus: shared.bus,
    data: shared.data,
    last: { type: 'string', value: 'N', says: 'how many of the past (default 10)' },
    follow: { type: 'boolean', short: 'f', says: 'go on with what comes' },
    json: shared.json,
  },
  run,
};
