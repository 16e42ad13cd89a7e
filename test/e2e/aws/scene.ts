// What a run has: MiniStack with every signature and every right checked (AUTH), the stack in it, targets, and ways to send, to
// look and to wait. The functions are told where the services are; nothing else differs from what is deployed.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { HttpResult } from '../../../functions/hosts/aws-http.ts';
import { open as openGithub } from '../../../functions/sources/github.ts';
import type { RouterInput } from '../../../infra/define.ts';
import { account, type FoundMiniStack, region } from '../../adapters/eventbridge/ministack.ts';
import { shapes } from '../../functions/hosts/aws-events.ts';
import { runCli } from '../../harness/cli.ts';
import { type AwsCalls, createCalls } from './calls.ts';
import { BUCKET, documentFor, GITHUB, type RuleName, SIGNING } from './document.ts';
import { type Loaded, loadStack } from './load.ts';
import { PREFIX, type SynthesizedRouter, synthesize } from './synth.ts';
import { startTargets, type Targets } from './targets.ts';

type Found = FoundMiniStack & { readonly ok: true };
type Closer = () => unknown;

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

interface Base {
  readonly calls: AwsCalls;
  readonly targets: Targets;
  readonly document: RouterInput;
  readonly stack: SynthesizedRouter;
  readonly loaded: Loaded;
  readonly dir: string;
}

/** By the places of the stack. */
interface Access {
  /** To the stack's HTTP API, as GitHub does. */
  post(request: WebhookRequest): Promise<Answered>;
  /** At the webhook function, in the form of AWS's own sample of an HTTP API's event. */
  invoke(request: WebhookRequest): Promise<Answered>;
  functionName(name: string): string;
  /** Of a function. */
  roleName(name: string): string;
  /** Gives a function code, also the same again; its next call is answered by a fresh instance. */
  putCode(name: string, zip: Buffer): Promise<void>;
  queue(rule: RuleName, which?: 'queues' | 'deadLetters'): string;
  /** Messages of a queue, also those that somebody has. */
  depth(queue: string): Promise<number>;
  /** As an operator lists them, oldest first. */
  failures(): Promise<readonly Failure[]>;
  /** Lines of a function's log. */
  log(name: string): Promise<readonly string[]>;
}

export interface Scene extends Base, Access {
  /** Of the source; the stack made it up. */
  readonly githubSecret: string;
  readonly signingSecret: string;
  /** A delivery of GitHub. The same (sample, seed) is the same delivery. */
  delivery(sample: string, seed: string, secret?: string): WebhookRequest;
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
const WAIT_MS = 15_000;

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

/** Targets, MiniStack, and the stack in it. What was started is in `closers`, also where it rejects. */
async function begin(found: Found, closers: Closer[]): Promise<Base & { readonly endpoint: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'busway-aws-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  const targets = await startTargets();
  closers.push(targets.close);
  const document = documentFor(targets);
  const stack = synthesize(document, join(dir, 'first'));
  // Functions inherit what MiniStack is given: the keys of the account, which it replaces by those of their roles.
  const keys = { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey };
  const { endpoint, stop } = await found.start({ AUTH: 'true', ...keys });
  closers.push(stop);
  const calls = createCalls({ endpoint, region, credentials: KEYS });
  await calls.s3('PUT', `/${BUCKET}`);
  const environment = { AWS_ENDPOINT_URL: endpoint };
  const loaded = await loadStack(stack, { calls, region, account, environment });
  return { calls, targets, document, stack, loaded, dir, endpoint };
}

function placesOf({ stack: { places }, loaded }: Base) {
  return (where: Exclude<keyof typeof places, 'api'>, name: string): string => loaded.value(places[where].get(name));
}

function accessTo(base: Base & { readonly endpoint: string }): Access {
  const { calls, document, stack, loaded, dir, endpoint } = base;
  const placed = placesOf(base);
  const config = join(dir, 'router.json');
  writeFileSync(config, JSON.stringify(document));
  return {
    async post({ headers, body }) {
      const url = `${endpoint}/_aws/execute-api/${loaded.value(stack.places.api)}/webhooks/github`;
      const response = await fetch(url, { method: 'POST', headers, body });
      return { status: response.status, body: (await response.json()) as Answered['body'] };
    },
    async invoke(request) {
      const event = shapes['HTTP API']!({ method: 'POST', path: '/webhooks/github', ...request });
      const answer = (await calls.invoke(placed('functions', 'webhook'), event)) as HttpResult;
      return { status: answer.statusCode, body: JSON.parse(answer.body) as Answered['body'] };
    },
    functionName: (name) => placed('functions', name),
    roleName: (name) => placed('roles', name),
    async putCode(name, zip) {
      await calls.lambda('PUT', `/functions/${placed('functions', name)}/code`, { ZipFile: zip.toString('base64') });
    },
    queue: (rule, which = 'queues') => placed(which, rule),
    depth: (queue) => depthOf(calls, queue),
    async failures() {
      const args = ['failures', '--config', config, '--json'];
      const env = { ...OPERATOR, AWS_ENDPOINT_URL: endpoint };
      const { code, out, err } = await runCli(args, { cwd: dir, env });
      if (code !== 0) throw new Error(`busway failures ended with ${code}: ${err}`);
      return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Failure]));
    },
    async log(name) {
      const asked = { logGroupName: placed('logs', name), limit: 10_000 };
      const { events = [] } = await calls.json('logs', 'FilterLogEvents', asked);
      return (events as readonly { readonly message: string }[]).map(({ message }) => message);
    },
  };
}

/** Rejects with Error where the stack cannot be loaded; then nothing is left running. */
export async function openScene(found: Found): Promise<Scene> {
  const closers: Closer[] = [];
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const { endpoint, ...base } = await begin(found, closers);
    const placed = placesOf(base);
    const githubSecret = await fillSecrets(base.calls, (variable) => placed('secrets', variable));
    const github = openGithub({}, { name: 'github' });
    return {
      ...base,
      ...accessTo({ ...base, endpoint }),
      githubSecret,
      signingSecret: SIGNING_SECRET,
      delivery: (sample, seed, secret = githubSecret) => github.simulate(sample, seed, secret, new Date()),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
