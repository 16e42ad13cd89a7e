// Opens the bus of a document to read it: its log or its failures, beside a running router or without one.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Adapter } from '../adapters/adapter.ts';
import { RouterError } from '../router/errors.ts';
import type { Args, Io } from './command.ts';
import { prepareBus } from './prepare-bus.ts';
import { openDocument } from './router-file.ts';
import { openAdapter } from './runtime.ts';

/** Throws NOT_FOUND where opening the bus would make an empty one, for commands that only make sense on what is there. */
export function requireBus(kind: string, dataDir: string): void {
  if (kind !== 'embedded' || existsSync(join(dataDir, 'events.db'))) return;
  throw new RouterError(
    'NOT_FOUND',
    `there is no embedded bus in ${dataDir} yet; run busway dev, or name the folder with --data DIR`,
  );
}

/** Opens the bus and hands out what `part` takes of it. Throws UNSUPPORTED, as `part` does where the bus has no such thing. */
export async function openBusToRead<T>(
  args: Args,
  io: Io,
  part: (adapter: Adapter) => T,
): Promise<{ readonly adapter: Adapter; readonly part: T }> {
  const { loaded, dataDir } = await openDocument(args, io);
  const { kind } = loaded.document.bus;
  requireBus(kind, dataDir);
  const bus = await prepareBus(loaded.document.bus, { dataDir, io, start: false });
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  const { rules } = loaded.document;
  const parts = { dataDir, now: io.now, env: io.env, onWarning, rules: () => rules, readOnly: true };
  const adapter = await openAdapter(bus, parts);
  try {
    return { adapter, part: part(adapter) };
  } catch (thrown) {
    await adapter.close();
    throw thrown;
  }
}
