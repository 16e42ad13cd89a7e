// busway quickstart: a router in a temporary folder that sends itself signed GitHub events, a forged one, a repeated one
// and one that a rule nearly takes, prints what became of each, and leaves nothing behind.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveNode } from '../../functions/hosts/node.ts';
import { openSource } from '../../functions/open-sources.ts';
import { sources as sourceKinds } from '../../functions/sources/registry.ts';
import type { Simulated, Source } from '../../functions/sources/source.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import { eventTree } from '../../router/explain/event-tree.ts';
import { explanationText } from '../../router/explain.ts';
import { nearMisses } from '../../router/near-miss.ts';
import type { Rule } from '../../router/rule.ts';
import type { Args, Command, Io } from '../command.ts';
import { kinds } from '../document-file.ts';
import { createPrinter } from '../print.ts';
import { startRuntime } from '../runtime.ts';

/** The rules it runs, as a user would write them. */
function documentFor(receiver: string): unknown {
  return {
    bus: 'embedded',
    sources: { github: { use: 'github' } },
    rules: [
      {
        name: 'pushes-to-main',
        when: { type: ['com.github.push'], subject: ['refs/heads/main'] },
        to: { http: { url: receiver } },
      },
      {
        name: 'opened-pull-requests',
        when: { type: ['com.github.pull_request.opened'] },
        to: { http: { url: receiver } },
      },
      {
        name: 'new-issues',
        // A slip that is easily made: GitHub writes this name in small letters.
        when: {
          type: ['com.github.issues.opened'],
          data: { repository: { full_name: ['Harbor-Works/Lighthouse'] } },
        },
        to: { http: { url: receiver } },
      },
    ],
  };
}

/** A target that counts what it gets. */
async function startReceiver(): Promise<{ url: string; count: () => number; close: () => Promise<void> }> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      count++;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}/hooks`, count: () => count, close };
}

async function waitFor(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 250; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new RouterError('INTERNAL', `quickstart: ${what} did not happen within 5 s`);
}

async function post(url: string, { headers, body }: Simulated): Promise<string> {
  const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  return `${response.status} ${await response.text()}`;
}

async function show(dir: string, receiver: Awaited<ReturnType<typeof startReceiver>>, io: Io): Promise<void> {
  const secret = io.randomBytes(24).toString('hex');
  const document = checkDocument(documentFor(receiver.url), kinds);
  const loaded = { file: join(dir, 'router.json'), baseDir: dir, document };
  let labelOf = (rule: string): string => rule;
  const printer = createPrinter({
    out: (line) => io.out(`   router: ${line}`),
    now: io.now,
    labelOf: (rule) => labelOf(rule),
    delivers: () => true,
  });
  const runtime = await startRuntime({
    loaded,
    dataDir: dir,
    secretsOf: () => [secret],
    env: () => undefined,
    now: io.now,
    random: io.random,
    randomBytes: io.randomBytes,
    onWarning: () => undefined,
    print: io.out,
    onIntake: printer.intake,
    onMatch: printer.matched,
    onReport: printer.delivery,
  });
  labelOf = runtime.labelOf;
  const host = await serveNode(runtime.webhook, { port: 0, maxBody: 1024 * 1024 });
  try {
    await tellStory(`${host.url}/webhooks/github`, { secret, receiver, rules: document.rules, io });
  } finally {
    await host.close();
    await runtime.stop();
  }
}

/** Why no rule took the event of a request: the rule that came nearest, as `busway explain` tells it. */
function explainRequest(github: Source, { headers, body }: Simulated, rules: readonly Rule[]): readonly string[] {
  const request = { method: 'POST', path: '/webhooks/github', query: '', headers, body };
  const events = github.normalize(request).flatMap((item) => (item.kind === 'event' ? [item.event] : []));
  const misses = events.flatMap((event) => nearMisses(rules, eventTree(event), { limit: 1 }));
  return misses.flatMap(({ rule, explanation }) => explanationText(rule, explanation).split('\n'));
}

interface Story {
  readonly secret: string;
  readonly receiver: { readonly count: () => number };
  readonly rules: readonly Rule[];
  readonly io: Io;
}

async function tellStory(url: string, { secret, receiver, rules, io }: Story): Promise<void> {
  const github = await openSource({ name: 'github', kind: 'github', options: {} }, sourceKinds);
  const make = (sample: string, seed: string): Simulated => github.simulate(sample, seed, secret, new Date(io.now()));
  const push = make('push', 'quickstart-1');
  io.out('1. a signed push: verified, stored, then routed by a rule to an HTTP target');
  io.out(`   answer: ${await post(url, push)}`);
  await waitFor(() => receiver.count() === 1, 'the delivery of the push');
  io.out('2. a signed opened pull request: another rule takes it');
  io.out(`   answer: ${await post(url, make('pull_request.opened', 'quickstart-2'))}`);
  await waitFor(() => receiver.count() === 2, 'the delivery of the pull request');
  io.out('3. a forged push, one byte changed after signing: refused, nothing stored');
  const forged = Buffer.from(push.body);
  forged[forged.length - 2]! ^= 1;
  io.out(`   answer: ${await post(url, { headers: push.headers, body: forged })}`);
  io.out('4. the first push again, as GitHub does on redelivery: accepted, and nothing new at the target');
  io.out(`   answer: ${await post(url, push)}`);
  io.out('5. a star, which no rule asks for: stored, delivered to nobody, and said so');
  io.out(`   answer: ${await post(url, make('star.created', 'quickstart-3'))}`);
  io.out('6. a new issue, which a rule nearly takes: delivered to nobody, and `busway explain` says why');
  const issue = make('issues.opened', 'quickstart-4');
  io.out(`   answer: ${await post(url, issue)}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const line of explainRequest(github, issue, rules)) io.out(`   ${line}`);
  if (receiver.count() !== 2)
    throw new RouterError('INTERNAL', `quickstart: the target got ${receiver.count()} events, not 2`);
  io.out(`the target got ${receiver.count()} CloudEvents; the folder is gone again`);
}

async function run(_args: Args, io: Io): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'busway-quickstart-'));
  const receiver = await startReceiver();
  try {
    await show(dir, receiver, io);
  } finally {
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  }
  io.out('');
  io.out('next: npx busway dev                 run your own router (rules: infra/router.ts)');
  io.out('      npx busway send github/push    send it a signed event');
  io.out('      npx busway failures            see what could not be delivered');
  return 0;
}

export const quickstart: Command = {
  name: 'quickstart',
  usage: 'quickstart',
  says: 'Runs a router in a temporary folder, sends it real-looking signed events, and prints what became of each.',
  example: 'busway quickstart',
  options: {},
  run,
};
