// busway send: signed requests as a provider would send them, to a running router.

import { openSource, secretVariable } from '../../functions/open-sources.ts';
import { sources as kinds } from '../../functions/sources/registry.ts';
import type { Simulated, Source } from '../../functions/sources/source.ts';
import { unknownName } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { liveOwner } from '../data-folder.ts';
import { openDocument } from '../router-file.ts';

interface Plan {
  readonly url: string;
  readonly source: Source;
  readonly sample: string;
  readonly secret: string;
  readonly bad: boolean;
}

/** Changes the body by one byte after it was signed. */
function forge({ headers, body }: Simulated): Simulated {
  const forged = Buffer.from(body);
  const at = forged.lastIndexOf('"');
  forged[at > 0 ? at - 1 : 0]! ^= 1;
  return { headers, body: forged };
}

async function sendOne(plan: Plan, seed: string, io: Io): Promise<{ status: number; text: string }> {
  const made = plan.source.simulate(plan.sample, seed, plan.secret, new Date(io.now()));
  const { headers, body } = plan.bad ? forge(made) : made;
  try {
    const response = await fetch(plan.url, { method: 'POST', headers, body: new Uint8Array(body), signal: io.signal });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    throw new RouterError('TARGET_UNREACHABLE', `nothing answers at ${plan.url}; start the router first: busway dev`, {
      cause,
    });
  }
}

async function makePlan(args: Args, io: Io): Promise<Plan> {
  const [name = '', sample = ''] = (args.words[0] ?? '').split('/', 2);
  const { loaded, dataDir, secretsOf } = await openDocument(args, io);
  const choice = loaded.document.sources.find((source) => source.name === name);
  const names = loaded.document.sources.map((source) => source.name);
  if (choice === undefined) throw usage(`busway send: ${unknownName('source', name, names)}; write <source>/<event>`);
  const source = await openSource(choice, kinds);
  if (!source.samples.includes(sample)) throw usage(`busway send: ${unknownName('event', sample, source.samples)}`);
  const [secret = ''] = source.needsSecret ? secretsOf(name, source) : [];
  if (source.needsSecret && secret === '')
    throw new RouterError('SECRET_MISSING', `source '${name}' has no secret to sign with: set ${secretVariable(name)}`);
  const base = args.string('url') ?? liveOwner(dataDir)?.url ?? 'http://127.0.0.1:4400';
  return {
    url: `${base.replace(/\/$/, '')}/webhooks/${name}`,
    source,
    sample,
    secret,
    bad: args.flag('bad-signature'),
  };
}

async function run(args: Args, io: Io): Promise<number> {
  if (args.words.length !== 1) throw usage('busway send: name what to send: <source>/<event>, such as github/push');
  const count = args.integer('count', { default: 1, min: 1, max: 1_000_000 });
  const plan = await makePlan(args, io);
  const fixed = args.string('id');
  let unexpected = 0;
  for (let i = 0; i < count && !io.signal.aborted; i++) {
    const { status, text } = await sendOne(plan, fixed ?? io.randomBytes(12).toString('hex'), io);
    const ok = plan.bad ? status === 401 : status >= 200 && status < 300;
    if (!ok) unexpected++;
    io.out(args.flag('json') ? JSON.stringify({ status, body: text }) : `${status} ${text}`);
  }
  return unexpected === 0 ? 0 : 1;
}

export const send: Command = {
  name: 'send',
  usage: 'send <source>/<event> [--count N] [--bad-signature]',
  says: 'Sends signed, real-looking requests to a running router. An event that does not exist lists those that do.',
  example: 'busway send github/push --count 3',
  options: {
    config: shared.config,
    data: shared.data,
    bus: shared.bus,
    count: { type: 'string', value: 'N', says: 'how many, each with its own id (default 1)' },
    id: { type: 'string', value: 'SEED', says: 'the same id each time: a repeated delivery' },
    'bad-signature': { type: 'boolean', says: 'change the body by one byte after signing' },
    url: { type: 'string', value: 'URL', says: 'the router (default: the one on this data folder, else port 4400)' },
    json: shared.json,
  },
  words: 1,
  run,
};
