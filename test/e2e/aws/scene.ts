// What a run has: MiniStack with every signature and every right checked (AUTH), the stack in it, targets, and ways to send, to
// look and to wait. The functions are told where the services are; nothing else differs from what is deployed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { open as openGithub } from '../../../functions/sources/github.ts';
import type { RouterInput } from '../../../infra/define.ts';
import { account, type FoundMiniStack, region } from '../../adapters/eventbridge/ministack.ts';
import { shapes } from '../../functions/hosts/aws-events.ts';
import { runCli } from '../../harness/cli.ts';
import { type AwsCalls, createCalls } from './calls.ts';
import { BUCKET, documentFor, GITHUB, type RuleName, SIGNING } from './document.ts';
import { type Loaded, loadStack, type Template } from './load.ts';
import { PREFIX, type SynthesizedRouter, synthesize } from './synth.ts';
import { startTargets, type Targets } from './targets.ts';

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A line of `busway failures --json`. */
export interface Failure {
  readonly id: string;
  readonly rule: string | null;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly event: { readonly id: string } | null;
  readonly bytes?: string;
}

export interface Scene {
  readonly calls: AwsCalls;
  readonly targets: Targets;
  readonly document: RouterInput;
  readonly stack: SynthesizedRouter;
  readonly loaded: Loaded;
  /** Of the source; the stack made it up. */
  readonly githubSecret: string;
  readonly signingSecret: string;
  readonly dir: string;
  /** A delivery of GitHub. The same (sample, seed) is the same delivery. */
  delivery(sample: string, seed: string, secret?: string): WebhookRequest;
  /** Through the webhook function, as an HTTP API hands it on. */
  post(request: WebhookRequest): Promise<Answered>;
  functionName(name: string): string;
  queue(rule: RuleName, which?: 'queues' | 'deadLetters'): string;
  /** Messages of a queue, also those that somebody has. */
  depth(queue: string): Promise<number>;
  /** As an operator lists them, oldest first. */
  failures(): Promise<readonly Failure[]>;
  /** Lines of a function's log. */
  log(name: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

const KEYS = { accessKeyId: 'test', secretAccessKey: 'test' };
/** Services of AWS, from a laptop. */
const OPERATOR = {
  AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
  AWS_REGION: region,
  BUSWAY_QUEUE_PREFIX: PREFIX,
  BUSWAY_ACCOUNT: account,
};
const SIGNING_SECRET = `whsec_${Buffer.alloc(32, 'e2e').toString('base64')}`;
const TICK_MS = 50;
const WAIT_MS = 20_000;

/** Whether it came true in time: what did not shows as a difference of what is looked at next. */
export async function until(isTrue: () => boolean | Promise<boolean>, limitMs = WAIT_MS): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await isTrue())) {
    if (performance.now() > end) return false;
    await wait(TICK_MS);
  }
  return true;
}

async function depthOf(calls: AwsCalls, QueueUrl: string): Promise<number> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
  const { Attributes } = await calls.json('sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames: names });
  const counts = Attributes as Readonly<Record<string, string>>;
  return names.reduce((sum, name) => sum + Number(counts[name]), 0);
}

/** The values that people fill in, and the one that the stack made up. */
async function fillSecrets(calls: AwsCalls, secretOf: (variable: string) => string): Promise<string> {
  await calls.json('secretsmanager', 'PutSecretValue', { SecretId: secretOf(SIGNING), SecretString: SIGNING_SECRET });
  const { SecretString } = await calls.json('secretsmanager', 'GetSecretValue', { SecretId: secretOf(GITHUB) });
  return String(SecretString);
}

export interface SceneParts {
  readonly found: FoundMiniStack & { readonly ok: true };
  /** For showing that the run notices: what it changes is no longer what would be deployed. */
  readonly alter?: (template: Template) => Template;
}

/** Rejects with Error where the stack cannot be loaded; then nothing is left running. */
export async function openScene({ found, alter = (template) => template }: SceneParts): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), 'busway-aws-'));
  const closers: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const targets = await startTargets();
    closers.push(targets.close);
    const document = documentFor(targets);
    const stack = synthesize(document, join(dir, 'first'));
    // Functions inherit what MiniStack is given: the keys of the account, which it replaces by those of their roles.
    const mini = await found.start({
      AUTH: 'true',
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    });
    closers.push(mini.stop);
    const calls = createCalls({ endpoint: mini.endpoint, region, credentials: KEYS });
    await calls.s3('PUT', `/${BUCKET}`);
    const environment = { AWS_ENDPOINT_URL: mini.endpoint };
    const parts = { calls, region, account, environment };
    const loaded = await loadStack({ ...stack, template: alter(stack.template) }, parts);
    const { places } = stack;
    const placed = (where: keyof typeof places, name: string): string => loaded.value(places[where].get(name));
    const githubSecret = await fillSecrets(calls, (variable) => placed('secrets', variable));
    const github = openGithub({}, { name: 'github' });
    const config = join(dir, 'router.json');
    writeFileSync(config, JSON.stringify(document));
    return {
      ...{ calls, targets, document, stack, loaded, githubSecret, signingSecret: SIGNING_SECRET, dir, close },
      delivery: (sample, seed, secret = githubSecret) => github.simulate(sample, seed, secret, new Date()),
      async post(request) {
        const event = shapes['HTTP API']!({ method: 'POST', path: '/webhooks/github', ...request });
        const answer = (await calls.invoke(placed('functions', 'webhook'), event)) as {
          statusCode: number;
          body: string;
        };
        return { status: answer.statusCode, body: JSON.parse(answer.body) as Answered['body'] };
      },
      functionName: (name) => placed('functions', name),
      queue: (rule, which = 'queues') => placed(which, rule),
      depth: (queue) => depthOf(calls, queue),
      async failures() {
        const args = ['failures', '--config', config, '--json'];
        const { code, out, err } = await runCli(args, { cwd: dir, env: { ...OPERATOR, ...environment } });
        if (code !== 0) throw new Error(`busway failures ended with ${code}: ${err}`);
        return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Failure]));
      },
      async log(name) {
        const asked = { logGroupName: placed('logs', name), limit: 10_000 };
        const { events = [] } = await calls.json('logs', 'FilterLogEvents', asked);
        return (events as readonly { readonly message: string }[]).map(({ message }) => message);
      },
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
