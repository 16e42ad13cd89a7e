// The way in and through: forged, signed, the same again, what only the function can sort out, and data over the limit.

import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { kinds } from '../../../local/document-file.ts';
import { checkDocument } from '../../../router/document.ts';
import type { Check } from './check.ts';
import { BUCKET, OBJECTS, paths, type RuleName } from './document.ts';
import { type Scene, until, type WebhookRequest } from './scene.ts';
import type { Arrived } from './targets.ts';

const rules = Object.keys(paths) as readonly RuleName[];
const TABLE = 'busway-seen';

/** The id that the source gives a delivery. */
const idOf = ({ headers }: WebhookRequest): string => headers['x-github-delivery']!;

/** Until every queue of a rule is empty, so that nothing is on its way any more. */
function settled({ depth, queue }: Scene): Promise<boolean> {
  return until(async () => (await Promise.all(rules.map((rule) => depth(queue(rule))))).every((count) => count === 0));
}

async function seenCount({ calls }: Scene): Promise<unknown> {
  return (await calls.json('dynamodb', 'Scan', { TableName: TABLE, Select: 'COUNT' }))['Count'];
}

function isSigned({ headers, body }: Arrived, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

/** Path -> the ids that came there, as often as they came. */
function arrivals({ targets }: Scene): Readonly<Record<string, readonly string[]>> {
  const found = rules.map((rule) => [rule, targets.at(paths[rule]).map(({ id }) => id)] as const);
  return Object.fromEntries(found.filter(([, ids]) => ids.length > 0));
}

/** Forged first: when the signed one has come through, the forged one would have. */
export async function signedAndForged(scene: Scene): Promise<readonly Check[]> {
  const { delivery, post, invoke, targets, signingSecret, putCode, stack } = scene;
  const forgery = delivery('pull_request.opened', 'forged', 'another secret');
  const forged = [await post(forgery), await invoke(forgery)];
  const request = delivery('pull_request.opened', 'signed');
  const id = idOf(request);
  const answer = await post(request);
  await until(() => targets.count() >= 2);
  await settled(scene);
  const again = await post(request);
  await putCode('webhook', stack.codeOf('webhook'));
  const elsewhere = await invoke(request);
  await settled(scene);
  const [arrived] = targets.at(paths['pull-requests']);
  const event = JSON.parse(arrived?.body.toString() ?? '{}') as Readonly<Record<string, unknown>>;
  const { specversion, type, source, datacontenttype, data } = event;
  return [
    {
      what: 'forged, by the HTTP API and invoked: the answers',
      due: [401, 'SIGNATURE_INVALID', 401, 'SIGNATURE_INVALID'],
      seen: forged.flatMap(({ status, body }) => [status, codeOf(body)]),
    },
    { what: 'signed: the answer', due: [202, { accepted: [id] }], seen: [answer.status, answer.body] },
    { what: 'the same again: the answer', due: [202, { accepted: [id] }], seen: [again.status, again.body] },
    {
      what: 'and invoked at a fresh instance',
      due: [202, { accepted: [id] }],
      seen: [elsewhere.status, elsewhere.body],
    },
    { what: 'deliveries, by rule', due: { 'pull-requests': [id], 'not.stars': [id] }, seen: arrivals(scene) },
    {
      what: 'the event that came',
      due: ['1.0', 'com.github.pull_request.opened', 'https://github.com/harbor-works/lighthouse', 'application/json'],
      seen: [specversion, type, source, datacontenttype],
    },
    {
      what: 'its data is the body that was sent',
      due: true,
      seen: isDeepStrictEqual(data, JSON.parse(request.body.toString())),
    },
    {
      what: 'signed by the secret of Secrets Manager',
      due: true,
      seen: arrived !== undefined && isSigned(arrived, signingSecret),
    },
    { what: 'items in the idempotency table', due: 1, seen: await seenCount(scene) },
    { what: 'failures', due: 0, seen: (await scene.failures()).length },
  ];
}

function codeOf(body: Readonly<Record<string, unknown>>): unknown {
  return (body['error'] as { readonly code?: unknown } | undefined)?.code;
}

/** EventBridge hands it to a queue whose rule does not take it. */
export async function sortedOut(scene: Scene): Promise<readonly Check[]> {
  const { delivery, post, targets, stack } = scene;
  const request = delivery('star.created', 'star');
  const before = targets.at(paths['not.stars']).length;
  const { status } = await post(request);
  await until(() => targets.at(paths.stars).length > 0);
  await settled(scene);
  const pattern = stack.router.plan.rules.find(({ rule }) => rule === 'not.stars')!.pattern;
  const envelope = {
    version: '0',
    id: '0',
    source: 's',
    'detail-type': 't',
    account: '0',
    time: '2026-01-01T00:00:00Z',
  };
  const detail = JSON.parse(targets.at(paths.stars)[0]?.body.toString() ?? '{}') as object;
  const Event = JSON.stringify({ ...envelope, region: 'us-east-1', resources: [], detail });
  const { Result } = await scene.calls.json('events', 'TestEventPattern', { EventPattern: pattern, Event });
  return [
    { what: 'the answer', due: 202, seen: status },
    {
      what: 'the rule that takes it delivers once',
      due: [idOf(request)],
      seen: targets.at(paths.stars).map(({ id }) => id),
    },
    { what: "the other rule's pattern lets it pass", due: true, seen: Result },
    { what: 'and the function sorts it out', due: before, seen: targets.at(paths['not.stars']).length },
  ];
}

const POLICY = 'Outage';
const NO_EVENTS = { Effect: 'Deny', Action: 'events:PutEvents', Resource: '*' };

/** The bus takes nothing; then it does, and the sender tries again. */
export async function outage(scene: Scene): Promise<readonly Check[]> {
  const { calls, delivery, post, targets, roleName } = scene;
  const request = delivery('issues.opened', 'outage');
  const before = targets.count();
  const RoleName = roleName('webhook');
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [NO_EVENTS] });
  await calls.iam('PutRolePolicy', { RoleName, PolicyName: POLICY, PolicyDocument });
  const refused = await post(request);
  await settled(scene);
  const during = targets.count() - before;
  await calls.iam('DeleteRolePolicy', { RoleName, PolicyName: POLICY });
  const taken = await post(request);
  await until(() => targets.count() > before);
  await settled(scene);
  return [
    { what: 'while its role may not publish: the answer', due: 503, seen: refused.status },
    { what: 'deliveries', due: 0, seen: during },
    { what: 'the same when it may again: the answer', due: 202, seen: taken.status },
    { what: 'deliveries', due: 1, seen: targets.count() - before },
  ];
}

/** A body of GitHub's that is over what EventBridge takes, and under what an HTTP API takes. */
function largeDelivery({ delivery, githubSecret }: Scene, bytes: number): WebhookRequest {
  const { headers, body } = delivery('pull_request.opened', 'large');
  const whole = { ...(JSON.parse(body.toString()) as object), padding: '' };
  const padding = 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify(whole)));
  const large = Buffer.from(JSON.stringify({ ...whole, padding }));
  const signature = createHmac('sha256', githubSecret).update(large).digest('hex');
  return { headers: { ...headers, 'x-hub-signature-256': `sha256=${signature}` }, body: large };
}

const MIB = 1_048_576;

export async function oversized(scene: Scene): Promise<readonly Check[]> {
  const { post, targets, calls } = scene;
  const request = largeDelivery(scene, MIB - 512);
  const at = (rule: RuleName) => targets.at(paths[rule]).filter(({ id }) => id === idOf(request));
  const { status } = await post(request);
  await until(() => at('pull-requests').length > 0 && at('not.stars').length > 0);
  await settled(scene);
  const objects = (await calls.s3('GET', `/${BUCKET}?list-type=2&prefix=${OBJECTS}`)).match(/<Key>/g)?.length ?? 0;
  const [arrived] = at('pull-requests');
  const { data } = JSON.parse(arrived?.body.toString() ?? '{}') as { readonly data?: unknown };
  return [
    { what: `a body of ${request.body.length} bytes: the answer`, due: 202, seen: status },
    { what: 'objects in the bucket', due: 1, seen: objects },
    { what: 'deliveries', due: [1, 1], seen: [at('pull-requests').length, at('not.stars').length] },
    { what: 'with all of the data', due: true, seen: isDeepStrictEqual(data, JSON.parse(request.body.toString())) },
  ];
}

interface LogLine {
  readonly level?: string;
  readonly msg?: string;
  readonly ruleHash?: string;
  readonly documentHash?: string;
}

function logLines(lines: readonly string[]): readonly LogLine[] {
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

/** After a run in which nothing failed. */
export async function logged(scene: Scene): Promise<readonly Check[]> {
  const { document, githubSecret, signingSecret, log } = scene;
  const [webhook, deliver] = [await log('webhook'), await log('deliver')];
  const { hash, rules: checked } = checkDocument(document, kinds);
  const hashes = new Set(checked.map((rule) => rule.hash));
  const delivered = logLines(deliver).filter(({ msg }) => msg === 'delivered');
  const all = [...webhook, ...deliver];
  const complaints = logLines(all).filter(({ level }) => level !== 'info');
  return [
    { what: 'deliveries in the log', due: true, seen: delivered.length > 0 },
    {
      what: 'each names its rule and document by hash',
      due: [],
      seen: delivered.filter(({ ruleHash = '', documentHash }) => documentHash !== hash || !hashes.has(ruleHash)),
    },
    {
      what: 'warnings: those of the forged requests',
      due: ['refused', 'refused'],
      seen: complaints.map(({ msg }) => msg),
    },
    {
      what: 'a secret in a line',
      due: false,
      seen: all.some((line) => line.includes(githubSecret) || line.includes(signingSecret)),
    },
  ];
}
