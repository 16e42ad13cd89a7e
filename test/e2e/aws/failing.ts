// What goes wrong and comes back: a target that fails, a body that is no event, a redrive, a rule that is gone.
// What a target failed for comes again at its rule's time. What is not tried waits for the queue's timeout, which is minutes: of
// one queue it is shortened, as an operator could; the number of receipts, the code and the rest stay as deployed.

import { join } from 'node:path';
import type { Check } from './check.ts';
import { paths, RETRY, type RuleName, withoutStars } from './document.ts';
import { type Failure, type Scene, until } from './scene.ts';
import { synthesize } from './synth.ts';
import type { Arrived } from './targets.ts';

const DEAD_MS = 40_000;

async function hideFor({ calls, queue }: Scene, rule: RuleName, seconds: number): Promise<void> {
  const Attributes = { VisibilityTimeout: String(seconds) };
  await calls.json('sqs', 'SetQueueAttributes', { QueueUrl: queue(rule), Attributes });
}

function put({ calls, queue }: Scene, rule: RuleName, body: string, attributes: Readonly<Record<string, string>> = {}) {
  const MessageAttributes = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );
  return calls.json('sqs', 'SendMessage', { QueueUrl: queue(rule), MessageBody: body, MessageAttributes });
}

const dead = ({ depth, queue }: Scene, rule: RuleName): Promise<number> => depth(queue(rule, 'deadLetters'));

/** [rule, code, attempts, the event's id] */
const about = ({ rule, code, attempts, event }: Failure): readonly unknown[] => [
  rule,
  code,
  attempts,
  event?.id ?? null,
];

/** Rounded up to a second, half of it jitter; after that, what the queue and a busy machine take. */
const MOST_ADDED_MS = 8_000;

/** Whether the second try came at the rule's time. */
function isInTime(tries: readonly Arrived[]): boolean {
  const [first, second] = tries;
  const gap = (second?.at ?? 0) - (first?.at ?? 0);
  return gap >= RETRY.firstMs / 2 && gap <= RETRY.firstMs + MOST_ADDED_MS;
}

const POISON = '{"no event';

/** Two events whose target answers 500, and a body that is no event; both at once, because both take their time. */
export async function failing(scene: Scene): Promise<readonly Check[]> {
  const { targets, delivery, post, depth, queue } = scene;
  const others = targets.at(paths['not.stars']).length;
  targets.answer(paths.pushes, 500);
  await hideFor(scene, 'stars', 1);
  await put(scene, 'stars', POISON);
  const requests = ['first', 'second'].map((seed) => delivery('push', seed));
  for (const request of requests) await post(request);
  const ids = requests.map(({ headers }) => headers['x-github-delivery']!);
  await until(async () => (await dead(scene, 'pushes')) === 2, DEAD_MS);
  const poisoned = await until(async () => (await dead(scene, 'stars')) === 1, DEAD_MS);
  const asked = targets.at(paths.pushes);
  const tries = ids.map((id) => asked.filter((one) => one.id === id));
  const failures = await scene.failures();
  const poison = failures.find(({ rule }) => rule === 'stars');
  return [
    {
      what: 'the target was asked, by event',
      due: [2, 2],
      seen: tries.map(({ length }) => length),
    },
    { what: "asked again at the rule's time", due: [true, true], seen: tries.map(isInTime) },
    {
      what: 'with one webhook-id each',
      due: 2,
      seen: new Set(asked.map(({ headers }) => headers['webhook-id'])).size,
    },
    {
      what: 'the other rule of these events was not held back',
      due: others + 2,
      seen: targets.at(paths['not.stars']).length,
    },
    { what: 'SQS moved the poison by itself', due: true, seen: poisoned },
    { what: 'left in the queues', due: [0, 0], seen: [await depth(queue('pushes')), await depth(queue('stars'))] },
    {
      what: 'busway failures lists',
      due: [...ids.map((id) => ['pushes', 'TARGET_STATUS', 2, id]), ['stars', 'ATTEMPTS_EXHAUSTED', 11, null]].sort(),
      seen: failures.map(about).sort(),
    },
    { what: 'the poison, as it was', due: POISON, seen: Buffer.from(poison?.bytes ?? '', 'base64').toString() },
  ];
}

interface Redriven {
  readonly redriven: readonly string[];
  readonly missing: readonly string[];
  readonly kept: readonly unknown[];
}

/** What does not change from one try to the next. */
const sent = (one: Arrived | undefined): readonly unknown[] => [one?.headers['webhook-id'], one?.body.toString()];

/** After `failing`: the target answers again, and of its two records one is chosen, then the rest of the rule. */
export async function redriven(scene: Scene): Promise<readonly Check[]> {
  const { calls, targets, failures, functionName } = scene;
  const call = async (event: object) => (await calls.invoke(functionName('redrive'), event)) as Redriven;
  const done = () => targets.at(paths.pushes).filter(({ status }) => status === 200);
  targets.answer(paths.pushes, 200);
  const asked = targets.at(paths.pushes);
  const [chosen, other] = (await failures()).filter(({ rule }) => rule === 'pushes');
  const before = targets.count();
  const one = await call({ ids: [chosen!.id, 'never-there'] });
  await until(() => done().length === 1);
  const between = (await failures()).map(({ id }) => id);
  const [first] = done();
  const rest = await call({ rule: 'pushes', all: true });
  await until(() => done().length === 2);
  const left = await failures();
  return [
    {
      what: 'one by its id: the answer',
      due: [[chosen!.id], ['never-there'], []],
      seen: [one.redriven, one.missing, one.kept],
    },
    { what: 'delivered', due: chosen!.event?.id, seen: first?.id },
    { what: 'as at the first try', due: sent(asked.find(({ id }) => id === first?.id)), seen: sent(first) },
    { what: 'the others stay', due: [true, 2], seen: [between.includes(other!.id), between.length] },
    { what: 'all of the rule: the answer', due: [[other!.id], [], []], seen: [rest.redriven, rest.missing, rest.kept] },
    { what: 'targets were asked', due: 2, seen: targets.count() - before },
    { what: 'left', due: [['stars', 'ATTEMPTS_EXHAUSTED']], seen: left.map(({ rule, code }) => [rule, code]) },
  ];
}

/** The functions first, the bus's rules after: what names a rule that was taken out meanwhile is a failure. */
export async function gone(scene: Scene): Promise<readonly Check[]> {
  const { targets, document, putCode, dir, failures } = scene;
  const next = synthesize(withoutStars(document), join(dir, 'next'));
  for (const name of next.router.functions.keys()) await putCode(name, next.codeOf(name));
  const before = targets.count();
  const [star] = targets.at(paths.stars);
  await put(scene, 'stars', star!.body.toString(), { 'busway-rule': 'stars' });
  await until(async () => (await dead(scene, 'stars')) === 2);
  const record = (await failures()).find(({ code }) => code === 'RULE_GONE');
  return [
    { what: 'the record', due: ['stars', 'RULE_GONE', 1, star!.id], seen: record && about(record) },
    { what: 'targets were asked', due: 0, seen: targets.count() - before },
  ];
}
