// Opens the bus of a document to read it: tail and failures, beside a running router or without one.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from '../adapters/adapter.ts';
import { RouterError } from '../router/errors.ts';
import type { Args, Io } from './command.ts';
import { prepareBus } from './prepare-bus.ts';
import { openDocument } from './router-file.ts';
import { openAdapter } from './runtime.ts';

type ReadableBus = Adapter & Required<Pick<Adapter, 'tail' | 'failures'>>;

/** Throws NOT_FOUND where opening the bus would make an empty one, for commands that only make sense on what is there. */
export function requireBus(kind: string, dataDir: string): void {
  if (kind !== 'embedded' || existsSync(join(dataDir, 'events.db'))) return;
  throw new RouterError(
    'NOT_FOUND',
    `there is no embedded bus in ${dataDir} yet; run busway dev, or name the folder with --data DIR`,
  );
}

export async function openBusToRead(args: Args, io: Io): Promise<ReadableBus> {
  const { loaded, dataDir } = await openDocument(args, io);
  const { kind } = loaded.document.bus;
  requireBus(kind, dataDir);
  const bus = await prepareBus(loaded.document.bus, { dataDir, io, start: false });
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  const adapter = await openAdapter(bus, { dataDir, now: io.now, env: io.env, onWarning, readOnly: true });
  if (adapter.tail === undefined || adapter.failures === undefined) {
    await adapter.close();
    throw new RouterError('UNSUPPORTED', `the ${kind} bus cannot be read from here`);
  }
  return adapter as ReadableBus;
}
