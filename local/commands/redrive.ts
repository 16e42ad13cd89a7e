// busway redrive: delivers failures again, each to its own target only. Beside a running dev the running one does it;
// without one this process does.

import { openRules } from '../../functions/open-rules.ts';
import { type Redriven, redrive as redriveAll, type Selection } from '../../functions/redrive.ts';
import { targets as targetKinds } from '../../functions/targets/registry.ts';
import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { liveOwner, type Owner, ownDataFolder } from '../data-folder.ts';
import { prepareBus } from '../prepare-bus.ts';
import { requireBus } from '../read-bus.ts';
import { type Opened, openDocument } from '../router-file.ts';
import { failuresOf, openAdapter, openDataStore } from '../runtime.ts';

/** What the running router says of a request that it refuses. */
async function refusalOf(response: Response): Promise<RouterError> {
  const { error } = (await response.json().catch(() => ({}))) as { error?: { code?: string; message?: string } };
  const known = error?.code !== undefined && Object.hasOwn(errorTable, error.code);
  if (!known) return new RouterError('INTERNAL', `the running router answered ${response.status}`);
  return new RouterError(error.code as ErrorCode, error.message ?? errorTable[error.code as ErrorCode].says);
}

async function askOwner(owner: Owner, selection: Selection, signal: AbortSignal): Promise<readonly Redriven[]> {
  const response = await fetch(`${owner.url}/_busway/redrive`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(selection),
    signal,
  });
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()) as Redriven[];
}

async function redriveHere({ loaded, dataDir }: Opened, selection: Selection, io: Io): Promise<readonly Redriven[]> {
  requireBus(loaded.document.bus.kind, dataDir);
  const folder = ownDataFolder(dataDir);
  const { env, now } = io;
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  try {
    const bus = await prepareBus(loaded.document.bus, { dataDir, io, start: false });
    const { rules } = loaded.document;
    const adapter = await openAdapter(bus, { dataDir, now, env, onWarning, rules: () => rules });
    try {
      const failures = failuresOf(adapter);
      const oversize = await openDataStore(loaded, { env, now, onWarning });
      const parts = { baseDir: loaded.baseDir, local: true, env, now, onWarning, print: io.out };
      const open = await openRules(loaded.document, targetKinds, parts);
      try {
        return await Array.fromAsync(
          redriveAll(
            { rules: open.rules, failures, now, ...(oversize && { whole: oversize.whole }) },
            selection,
            io.signal,
          ),
        );
      } finally {
        await open.close();
      }
    } finally {
      await adapter.close();
    }
  } finally {
    folder.release();
  }
}

function selectionOf(args: Args): Selection {
  const rule = args.string('rule');
  if (args.words.length === 0 && rule === undefined && !args.flag('all')) {
    throw usage('busway redrive: say which: ids (see busway failures), --rule R, or --all');
  }
  return { ...(args.words.length > 0 ? { ids: args.words } : {}), ...(rule === undefined ? {} : { rule }) };
}

async function run(args: Args, io: Io): Promise<number> {
  const selection = selectionOf(args);
  const opened = await openDocument(args, io);
  const owner = liveOwner(opened.dataDir);
  const results =
    owner === undefined ? await redriveHere(opened, selection, io) : await askOwner(owner, selection, io.signal);
  for (const item of results) {
    const text = item.ok ? (item.reason ?? 'delivered') : `failed again: ${item.reason}`;
    io.out(args.flag('json') ? JSON.stringify(item) : `${item.id} ${item.rule ?? '-'}: ${text}`);
  }
  const missing = (selection.ids ?? []).filter((id) => !results.some((item) => item.id === id));
  for (const id of missing) io.err(`there is no failure ${id}`);
  if (results.length === 0 && missing.length === 0) io.err('there is nothing to redrive');
  return missing.length === 0 && results.every((item) => item.ok) ? 0 : 1;
}

export const redrive: Command = {
  name: 'redrive',
  usage: 'redrive [ID…] [--rule R] [--all]',
  says: 'Delivers failures again, each to its own target only, once. What succeeds leaves the list.',
  example: 'busway redrive --rule opened-pull-requests',
  options: {
    config: shared.config,
    bus: shared.bus,
    data: shared.data,
    rule: { type: 'string', value: 'R', says: 'all of this rule' },
    all: { type: 'boolean', says: 'all there are' },
    json: shared.json,
  },
  words: Number.POSITIVE_INFINITY,
  run,
};
