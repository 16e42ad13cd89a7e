// busway dev: webhook intake and delivery in this process, until Ctrl-C. With --like the bus behaves as one of the clouds',
// by a seed that is told, so that a run can be had again.

import { setTimeout as sleep } from 'node:timers/promises';
import { uriPrefixOf } from '../../adapters/oversize/oversize.ts';
import { buses, stores } from '../../adapters/registry.ts';
import { serveNode } from '../../functions/hosts/node.ts';
import { openSource, secretVariable } from '../../functions/open-sources.ts';
import { sources as sourceKinds } from '../../functions/sources/registry.ts';
import { type Options, optionDefaults, unknownName } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { findingText } from '../../router/lint/finding.ts';
import { lintRules } from '../../router/lint/rules.ts';
import { createAdmin } from '../admin.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { ownDataFolder } from '../data-folder.ts';
import { functionWarnings } from '../dev-functions.ts';
import { loadDocument, watchDocument } from '../document-file.ts';
import { createPrepareRules, prepareBus } from '../prepare-bus.ts';
import { createPrinter } from '../print.ts';
import { createReadiness } from '../readiness.ts';
import { type Opened, openDocument, sameOptions } from '../router-file.ts';
import { type Runtime, type RuntimeParts, startRuntime } from '../runtime.ts';

const DEFAULT_PORT = 4400;
const MIB = 1024 * 1024;

const MAX_DRAIN_MS = 300_000;
const LOOPBACK = '127.0.0.1';
/** Either is the whole of its family, so that this machine's own commands find the port at 127.0.0.1 too. */
const hosts = [LOOPBACK, '0.0.0.0', '::'];

const MAX_SEED = 2 ** 32 - 1;
const imitable = Object.keys(buses).filter((name) => buses[name]!.loadPersonality !== undefined);

type Like = NonNullable<RuntimeParts['like']>;

interface Started extends Opened {
  readonly like: Like | undefined;
}

/** The document's own options where it is this bus that `--bus` stands in for. */
async function optionsOf(kind: string, args: Args, io: Io): Promise<Options> {
  const { bus } = (await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd)).document;
  return bus.kind === kind ? bus.options : optionDefaults(buses[kind]!.options);
}

/** What --like and --seed ask for. Throws USAGE. */
async function likeOf({ loaded }: Opened, args: Args, io: Io): Promise<Like | undefined> {
  const kind = args.string('like');
  if (kind === undefined) {
    if (args.string('seed') === undefined) return undefined;
    throw usage('busway dev: --seed is for --like KIND; without it nothing is left to chance');
  }
  const on = loaded.document.bus.kind;
  const load = Object.hasOwn(buses, kind) ? buses[kind]!.loadPersonality : undefined;
  if (load === undefined) throw usage(`busway dev: --like: ${unknownName('bus', kind, imitable)}`);
  if (imitable.includes(on)) {
    throw usage(`busway dev: --like is for a bus of this machine, found '${on}'; use --bus embedded or --bus kafka`);
  }
  const seed = args.integer('seed', { default: io.randomBytes(4).readUInt32BE(), min: 0, max: MAX_SEED });
  const { oversize } = loaded.document;
  const uriPrefix = oversize && (await uriPrefixOf(oversize.store, stores, loaded.baseDir));
  return { personality: (await load())(await optionsOf(kind, args, io), uriPrefix), seed };
}

async function start({ loaded, dataDir, secretsOf, like }: Started, args: Args, io: Io): Promise<Runtime> {
  let labelOf = (rule: string): string => rule;
  let delivers = true;
  const printer = createPrinter({
    out: io.out,
    now: io.now,
    labelOf: (rule) => labelOf(rule),
    delivers: () => delivers,
  });
  const bus = await prepareBus(loaded.document.bus, { dataDir, io });
  const runtime = await startRuntime({
    loaded,
    bus,
    ...(like === undefined ? {} : { like }),
    prepareRules: createPrepareRules({ dataDir, io }),
    dataDir,
    secretsOf,
    env: io.env,
    now: io.now,
    random: io.random,
    randomBytes: io.randomBytes,
    onWarning: (text) => io.err(`warning: ${text}`),
    print: io.out,
    ...(args.flag('quiet') ? {} : { onIntake: printer.intake, onMatch: printer.matched, onReport: printer.delivery }),
  });
  ({ labelOf, delivers } = runtime);
  return runtime;
}

/** Throws USAGE. Warns where other machines can come in. */
function hostOf(args: Args, io: Io): string {
  const host = args.string('host') ?? LOOPBACK;
  if (!hosts.includes(host)) {
    throw usage(`busway dev: --host must be one of ${hosts.join(', ')}, found '${host.slice(0, 64)}'`);
  }
  if (host !== LOOPBACK) {
    io.err(
      `warning: on ${host} every machine that reaches this one can post to the webhooks and ask for health; TLS is up to what stands before it`,
    );
  }
  return host;
}

function cannotListen(host: string, port: number, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const invalid = (says: string): RouterError => new RouterError('CONFIG_INVALID', says, { cause: error });
  const other = 'choose another with --port N, or 0';
  if (code === 'EADDRINUSE') return invalid(`port ${port} of ${host} is taken; ${other}`);
  if (code === 'EACCES') return invalid(`port ${port} of ${host} is not allowed to this user; ${other}`);
  if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') {
    return invalid(`this machine has no address for --host ${host}; choose another of ${hosts.join(', ')}`);
  }
  return error;
}

/** One line that shows how to send a first event. */
async function hint({ loaded }: Opened, args: Args): Promise<string> {
  const [first] = loaded.document.sources;
  if (first === undefined) return 'the document has no sources yet: add one under sources';
  const { samples } = await openSource(first, sourceKinds);
  return `send a first event: npx busway send ${first.name}/${samples[0]}${sameOptions(args, ['config', 'data'])}`;
}

async function reload(runtime: Runtime, opened: Opened, args: Args, io: Io): Promise<void> {
  try {
    await runtime.reload(await loadDocument(opened.loaded.file, io.cwd, args.string('bus')));
    io.out('the changed document is in force');
  } catch (thrown) {
    io.err(`the changed document is not taken over: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** Notes are left to `busway test`: they may well be meant, and would be told at each start. */
function warn({ loaded }: Opened, url: string, io: Io): void {
  const { rules, sources } = loaded.document;
  const findings = lintRules(rules, { sources, port: Number(new URL(url).port) });
  for (const finding of findings) if (finding.level !== 'note') io.err(findingText(finding));
  for (const text of functionWarnings(io.cwd)) io.err(`warning: ${text}`);
}

async function run(args: Args, io: Io): Promise<number> {
  const port = args.integer('port', { default: DEFAULT_PORT, min: 0, max: 65_535 });
  const maxBody = args.integer('max-body', { default: MIB, min: 1, max: 64 * MIB });
  const drainMs = args.integer('drain', { default: 0, min: 0, max: MAX_DRAIN_MS });
  const address = hostOf(args, io);
  const opened = await openDocument(args, io);
  const like = await likeOf(opened, args, io);
  const folder = ownDataFolder(opened.dataDir);
  try {
    const runtime = await start({ ...opened, like }, args, io);
    const token = io.randomBytes(24).toString('base64url');
    const { adapter, stalled, redrive } = runtime;
    const readiness = createReadiness({ adapter, stalled, now: io.now });
    const rest = createAdmin({ token, redrive, notReady: readiness.problem });
    const host = await serveNode(runtime.webhook, { host: address, port, maxBody, rest }).catch(
      async (error: unknown) => {
        await runtime.stop();
        throw cannotListen(address, port, error);
      },
    );
    folder.announce({ pid: process.pid, url: host.url, token });
    const { sources, rules } = opened.loaded.document;
    const orKept = args.string('config') === undefined ? ', else kept in the data folder' : '';
    for (const { name } of sources)
      io.out(`source ${name}: POST ${host.url}/webhooks/${name} (secret: ${secretVariable(name)}${orKept})`);
    io.out(
      `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'} on the ${runtime.adapter.name} bus, state in ${opened.dataDir}`,
    );
    if (like !== undefined) {
      const { personality, seed } = like;
      io.out(`behaves like ${personality.name}: ${personality.says}; the same again with --seed ${seed}`);
    }
    warn(opened, host.url, io);
    io.out(await hint(opened, args));
    io.out(`listening on ${host.url}`);
    // One after the other, so that the newest is the last to come into force.
    let reloading: Promise<void> = Promise.resolve();
    const changed = (): void => {
      reloading = reloading.then(() => reload(runtime, opened, args, io));
    };
    watchDocument(opened.loaded, changed, io.signal);
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      else io.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    readiness.drain();
    io.err('stopping: finishing what is under way');
    // Whoever balances load sees the refusal of /readyz first, and no request is turned away meanwhile.
    await sleep(drainMs);
    await host.close();
    await runtime.stop();
    return 0;
  } finally {
    folder.release();
  }
}

export const dev: Command = {
  name: 'dev',
  usage: 'dev [--config FILE] [--bus KIND] [--like KIND] [--host 127.0.0.1] [--port 4400]',
  says: 'Runs the router here: takes webhooks at POST /webhooks/<source>, routes by the rules, delivers to the targets.',
  example: 'busway dev --config infra/router.ts --port 4400',
  options: {
    config: shared.config,
    bus: shared.bus,
    like: { type: 'string', value: 'KIND', says: `deliver as this bus does: ${imitable.join(', ')}` },
    seed: { type: 'string', value: 'N', says: 'repeat a run of --like (default: a new one each time)' },
    port: { type: 'string', value: 'N', says: 'the port (default 4400; 0 takes a free one)' },
    host: { type: 'string', value: 'ADDRESS', says: `where to listen: ${hosts.join(', ')} (default ${LOOPBACK})` },
    drain: {
      type: 'string',
      value: 'MS',
      says: 'after a stop, take requests this long with /readyz on 503 (default 0)',
    },
    'max-body': { type: 'string', value: 'BYTES', says: 'largest request body (default 1048576)' },
    data: shared.data,
    quiet: { type: 'boolean', says: 'no line per event' },
  },
  run,
};
