// busway tail: what is on the bus, without moving any consumer. Works beside a running router.

import type { Adapter } from '../../adapters/adapter.ts';
import { RouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';
import { eventLine } from '../event-text.ts';
import { openBusToRead } from '../read-bus.ts';

type Tail = NonNullable<Adapter['tail']>;

/** Throws UNSUPPORTED for a bus that hands an event out once, and to its rules only. */
function tailOf(adapter: Adapter): Tail {
  const { name, tail, capabilities } = adapter;
  if (tail !== undefined) return tail.bind(adapter);
  const where = capabilities.delivery === 'push' ? 'where its events are delivered' : 'under busway dev';
  throw new RouterError(
    'UNSUPPORTED',
    `the ${name} bus keeps no log that could be read here; to see what comes, add a rule { "name": "seen", "when": { "type": [{ "exists": true }] }, "to": { "log": {} } }, which prints it ${where}; what failed is shown by busway failures`,
  );
}

async function run(args: Args, io: Io): Promise<number> {
  const last = args.integer('last', { default: 10, min: 0, max: 1_000_000 });
  const { adapter, part: readTail } = await openBusToRead(args, io, tailOf);
  try {
    for await (const event of readTail({ last, follow: args.flag('follow') }, io.signal)) {
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
