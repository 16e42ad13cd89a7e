// busway redrive: delivers failures again, each to its own target only. Beside a running dev the running one does it;
// without one this process does.

import { openRules } from '../../functions/open-rules.ts';
import { type Redriven, redrive as redriveAll, type Selection } from '../../functions/redrive.ts';
import { targets as targetKinds } from '../../functions/targets/registry.ts';
import { RouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { liveOwner, type Owner, ownDataFolder } from '../data-folder.ts';
import { prepareBus } from '../prepare-bus.ts';
import { requireBus } from '../read-bus.ts';
import { type Opened, openDocument } from '../router-file.ts';
import { openAdapter } from '../runtime.ts';

async function askOwner(owner: Owner, selection: Selection, signal: AbortSignal): Promise<readonly Redriven[]> {
  const response = await fetch(`${owner.url}/_busway/redrive`, {
    method: 'POST',
    headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(selection),
    signal,
  });
  if (!response.ok) throw new RouterError('INTERNAL', `the running router answered ${response.status}`);
  return (await response.json()) as Redriven[];
}

async function redriveHere({ loaded, dataDir }: Opened, selection: Selection, io: Io): Promise<readonly Redriven[]> {
  requireBus(loaded.document.bus.kind, dataDir);
  const folder = ownDataFolder(dataDir);
  const { env, now } = io;
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  try {
    const bus = await prepareBus(loaded.document.bus, { dataDir, io, start: false });
    const adapter = await openAdapter(bus, { dataDir, now, env, onWarning });
    const parts = { baseDir: loaded.baseDir, local: true, env, now, onWarning, print: io.out };
    const open = await openRules(loaded.document, targetKinds, parts);
    try {
      if (adapter.failures === undefined)
        throw new RouterError('UNSUPPORTED', `the ${adapter.name} bus keeps no failures`);
      return await Array.fromAsync(
        redriveAll({ rules: open.rules, failures: adapter.failures, now }, selection, io.signal),
      );
    } finally {
      await open.close();
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
    const text = item.ok ? 'delivered' : `failed again: ${item.reason}`;
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
