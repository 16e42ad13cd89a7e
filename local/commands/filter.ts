// busway filter: what each rule becomes on a bus: which part the bus filters itself, what is left to the handler, and how
// much of what is in the log would be delivered in vain. Opens no cloud and reads no secret.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BusFilter } from '../../adapters/bus-filter.ts';
import { isLight } from '../../adapters/dataref.ts';
import { uriPrefixOf } from '../../adapters/oversize/oversize.ts';
import { buses, stores } from '../../adapters/registry.ts';
import { compileCondition } from '../../router/condition.ts';
import { optionDefaults, unknownName } from '../../router/config.ts';
import { readDocumentText } from '../../router/document-text.ts';
import type { CloudEvent } from '../../router/event.ts';
import { patternJson } from '../../router/pattern-json.ts';
import type { Rule } from '../../router/rule.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { dataDirOf } from '../router-file.ts';
import { openAdapter } from '../runtime.ts';

// The newest events say what comes; more would only take longer.
const MAX_EVENTS = 10_000;

interface Line {
  readonly rule: string;
  readonly kind: 'exact' | 'wider' | 'none';
  readonly native: unknown;
  readonly residual: unknown;
  readonly why?: string;
  readonly fix?: string;
  readonly inVain?: number;
}

/** The newest events of the log of this folder, or undefined when there is none. */
async function loggedEvents(args: Args, io: Io): Promise<readonly CloudEvent[] | undefined> {
  const dataDir = dataDirOf(args, io);
  if (!existsSync(join(dataDir, 'events.db'))) return undefined;
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  const adapter = await openAdapter(
    { kind: 'embedded', options: {} },
    { dataDir, now: io.now, env: io.env, onWarning, readOnly: true },
  );
  try {
    const events: CloudEvent[] = [];
    for await (const event of adapter.tail!({ last: MAX_EVENTS, follow: false }, io.signal)) events.push(event);
    return events.length === 0 ? undefined : events;
  } finally {
    await adapter.close();
  }
}

function shareInVain({ when }: Rule, filter: BusFilter, events: readonly CloudEvent[]): number {
  const passes = filter.passes?.(when) ?? (() => true);
  const matches = compileCondition(when);
  const inVain = events.filter((event) => passes(event) && !matches(event)).length;
  return Number((inVain / events.length).toFixed(4));
}

function lineOf(rule: Rule, filter: BusFilter, events: readonly CloudEvent[] | undefined): Line {
  const { kind, native, residual, why, fix } = filter.compile(rule.when);
  const left = residual?.kind === 'cesql' ? residual.text : residual && readDocumentText(patternJson(residual));
  return {
    rule: rule.name,
    kind,
    native,
    residual: left,
    ...(why === undefined ? {} : { why }),
    ...(fix === undefined ? {} : { fix }),
    ...(events === undefined || events.length === 0 ? {} : { inVain: shareInVain(rule, filter, events) }),
  };
}

function textOf({ rule, kind, native, why, fix, inVain }: Line): string {
  const lines = [`${rule}: ${kind}`];
  if (native !== null) lines.push(`  native   ${typeof native === 'string' ? native : JSON.stringify(native)}`);
  lines.push(`  residual ${kind === 'exact' ? 'none' : 'the whole rule, in the handler'}`);
  if (why !== undefined) lines.push(`  why      ${why}`);
  if (fix !== undefined) lines.push(`  fix      ${fix}`);
  if (inVain !== undefined) lines.push(`  in vain  ${(inVain * 100).toFixed(1)} % of the events in the log`);
  return lines.join('\n');
}

async function run(args: Args, io: Io): Promise<number> {
  const name = args.string('bus');
  if (name === undefined) throw usage(`busway filter: name a bus with --bus: ${Object.keys(buses).join(', ')}`);
  const kind = Object.hasOwn(buses, name) ? buses[name] : undefined;
  if (kind === undefined) throw usage(`busway filter: ${unknownName('bus', name, Object.keys(buses))}`);
  const { document, baseDir } = await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd);
  const options = document.bus.kind === name ? document.bus.options : optionDefaults(kind.options);
  const store = document.oversize?.store;
  const uriPrefix = store && (await uriPrefixOf(store, stores, baseDir));
  const filter = (await kind.loadFilter())(options, uriPrefix);
  // Of what has its data in the store it is not known here whether it was delivered in vain.
  const isKnown = (event: CloudEvent): boolean => uriPrefix === undefined || !isLight(event, uriPrefix);
  const events = (await loggedEvents(args, io))?.filter(isKnown);
  for (const rule of document.rules) {
    const line = lineOf(rule, filter, events);
    io.out(args.flag('json') ? JSON.stringify(line) : textOf(line));
  }
  if (document.rules.length === 0) io.err('the router document has no rules');
  return 0;
}

export const filter: Command = {
  name: 'filter',
  usage: 'filter --bus KIND [--config FILE] [--json]',
  says:
    'Prints what each rule becomes on a bus: exact, wider or none, the native filter, what is left to the handler, what to\n' +
    'change to make it exact, and the share of the events in the log of the data folder that would be delivered in vain.',
  example: 'busway filter --bus pubsub',
  options: {
    bus: { type: 'string', value: 'KIND', says: Object.keys(buses).join(', ') },
    config: shared.config,
    data: shared.data,
    json: shared.json,
  },
  run,
};
