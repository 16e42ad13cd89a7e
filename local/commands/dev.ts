// busway dev: webhook intake and delivery in this process, until Ctrl-C.

import { serveNode } from '../../functions/hosts/node.ts';
import { openSource, secretVariable } from '../../functions/open-sources.ts';
import { sources as sourceKinds } from '../../functions/sources/registry.ts';
import { RouterError } from '../../router/errors.ts';
import { findingText } from '../../router/lint/finding.ts';
import { lintRules } from '../../router/lint/rules.ts';
import { createAdmin } from '../admin.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';
import { ownDataFolder } from '../data-folder.ts';
import { loadDocument, watchDocument } from '../document-file.ts';
import { prepareBus } from '../prepare-bus.ts';
import { createPrinter } from '../print.ts';
import { type Opened, openDocument, sameOptions } from '../router-file.ts';
import { type Runtime, startRuntime } from '../runtime.ts';

const DEFAULT_PORT = 4400;
const MIB = 1024 * 1024;

async function start({ loaded, dataDir, secretsOf }: Opened, args: Args, io: Io): Promise<Runtime> {
  let labelOf = (rule: string): string => rule;
  const printer = createPrinter({ out: io.out, now: io.now, labelOf: (rule) => labelOf(rule) });
  const bus = await prepareBus(loaded.document.bus, { dataDir, io });
  const runtime = await startRuntime({
    loaded,
    bus,
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
  labelOf = runtime.labelOf;
  return runtime;
}

function portTaken(port: number, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error;
  const says = code === 'EACCES' ? 'is not allowed to this user' : 'is taken';
  return new RouterError('CONFIG_INVALID', `port ${port} of 127.0.0.1 ${says}; choose another with --port N, or 0`, {
    cause: error,
  });
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
}

async function run(args: Args, io: Io): Promise<number> {
  const port = args.integer('port', { default: DEFAULT_PORT, min: 0, max: 65_535 });
  const maxBody = args.integer('max-body', { default: MIB, min: 1, max: 64 * MIB });
  const opened = await openDocument(args, io);
  const folder = ownDataFolder(opened.dataDir);
  try {
    const runtime = await start(opened, args, io);
    const token = io.randomBytes(24).toString('base64url');
    const rest = createAdmin({ token, redrive: runtime.redrive });
    const host = await serveNode(runtime.webhook, { port, maxBody, rest }).catch(async (error: unknown) => {
      await runtime.stop();
      throw portTaken(port, error);
    });
    folder.announce({ pid: process.pid, url: host.url, token });
    const { sources, rules } = opened.loaded.document;
    const orKept = args.string('config') === undefined ? ', else kept in the data folder' : '';
    for (const { name } of sources)
      io.out(`source ${name}: POST ${host.url}/webhooks/${name} (secret: ${secretVariable(name)}${orKept})`);
    io.out(
      `${rules.length} ${rules.length === 1 ? 'rule' : 'rules'} on the ${runtime.adapter.name} bus, state in ${opened.dataDir}`,
    );
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
    io.err('stopping: finishing what is under way');
    await host.close();
    await runtime.stop();
    return 0;
  } finally {
    folder.release();
  }
}

export const dev: Command = {
  name: 'dev',
  usage: 'dev [--config FILE] [--bus embedded|kafka] [--port 4400]',
  says: 'Runs the router here: takes webhooks at POST /webhooks/<source>, routes by the rules, delivers to the targets.',
  example: 'busway dev --config infra/router.ts --port 4400',
  options: {
    config: shared.config,
    bus: shared.bus,
    port: { type: 'string', value: 'N', says: 'the port on 127.0.0.1 (default 4400; 0 takes a free one)' },
    'max-body': { type: 'string', value: 'BYTES', says: 'largest request body (default 1048576)' },
    data: shared.data,
    quiet: { type: 'boolean', says: 'no line per event' },
  },
  run,
};
