// The fake of SQS answers as MiniStack does, call by call over one script, where MiniStack is there; and is as strict as the
// documentation where MiniStack is not. What differs stands in a list, each with its reason.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signRequest } from '../../../adapters/aws-request.ts';
import { type FakeSqs, type SqsSettings, startSqs } from '../../fakes/sqs.ts';
import { account, findMiniStack, type MiniStack, region } from './ministack.ts';

interface Answer {
  readonly status: number;
  /** Of an error: its name. */
  readonly type?: string;
  readonly query?: string;
  readonly body: Readonly<Record<string, unknown>>;
}

type Ask = (operation: string, input: object) => Promise<Answer>;

/** Asks by a signed request, as an SDK would. */
function askerOf(endpoint: string, keys: FakeSqs['keys']): Ask {
  return async (operation, input) => {
    const url = new URL('/', endpoint);
    const body = Buffer.from(JSON.stringify(input));
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` };
    const how = { service: 'sqs', region: keys.region, credentials: keys, now: Date.now() };
    const signed = signRequest({ method: 'POST', url, headers, body }, how);
    const response = await fetch(url, { method: 'POST', headers: signed, body });
    const parsed = (await response.json()) as Readonly<Record<string, unknown>>;
    if (response.ok) return { status: response.status, body: parsed };
    // The namespace and the ending differ between services' frameworks; clients leave both aside.
    const type = String(parsed['__type'])
      .replace(/^.*#/, '')
      .replace(/Exception$/, '');
    const query = response.headers.get('x-amzn-query-error') ?? '';
    return { status: response.status, type, query, body: {} };
  };
}

const text = (StringValue: string) => ({ DataType: 'String', StringValue });
const attributes = {
  'busway-id': text('1'),
  n: { DataType: 'Number', StringValue: '12' },
  b: { DataType: 'Binary', BinaryValue: 'AP8=' },
};
const everything = { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'], WaitTimeSeconds: 1 };

type Step = (ask: Ask, urlOf: (name: string) => string, seen: Map<string, string>) => Promise<Answer>;

const plain =
  (operation: string, queue: string, input: object = {}): Step =>
  (ask, urlOf) =>
    ask(operation, { QueueUrl: urlOf(queue), ...input });

/** Receives, and keeps the handle of the first message under a name. */
const receive =
  (queue: string, name: string, input: object = {}): Step =>
  async (ask, urlOf, seen) => {
    const answer = await ask('ReceiveMessage', { QueueUrl: urlOf(queue), ...everything, ...input });
    const [first] = (answer.body['Messages'] ?? []) as readonly { readonly ReceiptHandle: string }[];
    if (first !== undefined) seen.set(name, first.ReceiptHandle);
    return answer;
  };

const withHandle =
  (operation: string, queue: string, name: string, input: object = {}): Step =>
  (ask, urlOf, seen) =>
    ask(operation, { QueueUrl: urlOf(queue), ReceiptHandle: seen.get(name), ...input });

const inBatch =
  (operation: string, queue: string, name: string, input: object = {}): Step =>
  (ask, urlOf, seen) => {
    const Entries = [
      { Id: 'good', ReceiptHandle: seen.get(name), ...input },
      { Id: 'bad', ReceiptHandle: 'none', ...input },
    ];
    return ask(operation, { QueueUrl: urlOf(queue), Entries });
  };

const redrive = (arnOf: (name: string) => string) =>
  JSON.stringify({ deadLetterTargetArn: arnOf('dead'), maxReceiveCount: 2 });

function script(arnOf: (name: string) => string): readonly (readonly [string, Step])[] {
  const send = (queue: string, MessageBody: unknown, more: object = {}): Step =>
    plain('SendMessage', queue, { MessageBody, ...more });
  const make =
    (QueueName: string, Attributes: object = {}): Step =>
    (ask) =>
      ask('CreateQueue', { QueueName, Attributes });
  return [
    ['make', make('dead')],
    ['make with a policy', make('source', { RedrivePolicy: redrive(arnOf), VisibilityTimeout: '0' })],
    ['make again', make('dead')],
    ['make again otherwise', make('dead', { VisibilityTimeout: '1' })],
    ['make with a bad number', make('x', { VisibilityTimeout: '43201' })],
    [
      'make with a bad policy',
      make('x', { RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:x:y:z","maxReceiveCount":1}' }),
    ],
    ['url', (ask) => ask('GetQueueUrl', { QueueName: 'dead' })],
    ['url of none', (ask) => ask('GetQueueUrl', { QueueName: 'none' })],
    [
      'arn',
      plain('GetQueueAttributes', 'dead', { AttributeNames: ['QueueArn', 'VisibilityTimeout', 'MaximumMessageSize'] }),
    ],
    ['send', send('dead', 'a "text" é😀\n', { MessageAttributes: attributes })],
    ['send to none', send('none', 'a')],
    ['send nothing', send('dead', '')],
    ['send a bad character', send('dead', 'a\uffff')],
    ['send too much', send('dead', 'x'.repeat(1_048_577))],
    ['receive', receive('dead', 'first', { VisibilityTimeout: 30 })],
    ['receive what is hidden', receive('dead', 'hidden')],
    ['give back', withHandle('ChangeMessageVisibility', 'dead', 'first', { VisibilityTimeout: 0 })],
    [
      'receive again',
      receive('dead', 'second', {
        VisibilityTimeout: 30,
        MessageAttributeNames: ['busway-.*'],
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
    ],
    ['give back in a batch', inBatch('ChangeMessageVisibilityBatch', 'dead', 'second', { VisibilityTimeout: 0 })],
    ['receive once more', receive('dead', 'third', { VisibilityTimeout: 30, MessageAttributeNames: [] })],
    ['delete with no handle', plain('DeleteMessage', 'dead', { ReceiptHandle: 'none' })],
    ['delete in a batch', inBatch('DeleteMessageBatch', 'dead', 'third')],
    ['receive what is gone', receive('dead', 'gone')],
    ['delete nothing', plain('DeleteMessageBatch', 'dead', { Entries: [] })],
    [
      'delete eleven',
      plain('DeleteMessageBatch', 'dead', {
        Entries: Array.from({ length: 11 }, (_, i) => ({ Id: `${i}`, ReceiptHandle: 'x' })),
      }),
    ],
    [
      'delete one twice',
      plain('DeleteMessageBatch', 'dead', {
        Entries: [
          { Id: 'a', ReceiptHandle: 'x' },
          { Id: 'a', ReceiptHandle: 'x' },
        ],
      }),
    ],
    ['delete a bad id', plain('DeleteMessageBatch', 'dead', { Entries: [{ Id: 'a.b', ReceiptHandle: 'x' }] })],
    [
      'send two',
      plain('SendMessageBatch', 'source', {
        Entries: [
          { Id: 'a', MessageBody: 'one' },
          { Id: 'b', MessageBody: '\u0001' },
        ],
      }),
    ],
    [
      'send too much in a batch',
      plain('SendMessageBatch', 'dead', {
        Entries: [
          { Id: 'a', MessageBody: 'x'.repeat(600_000) },
          { Id: 'b', MessageBody: 'x'.repeat(600_000) },
        ],
      }),
    ],
    ['receive eleven', plain('ReceiveMessage', 'dead', { MaxNumberOfMessages: 11 })],
    ['attempt 1', receive('source', 'attempt')],
    ['attempt 2', receive('source', 'attempt')],
    ['attempt 3 finds nothing', receive('source', 'attempt')],
    ['it was moved', receive('dead', 'moved', { VisibilityTimeout: 30 })],
    ['delete what was moved', withHandle('DeleteMessage', 'dead', 'moved')],
  ];
}

/** What is a name or a time of one server: only that it is there is compared. */
const fleeting = new Set([
  'MessageId',
  'ReceiptHandle',
  'SentTimestamp',
  'ApproximateFirstReceiveTimestamp',
  'SenderId',
  'QueueUrl',
]);

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== 'Message');
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, fleeting.has(name) ? typeof inner : comparable(inner)]),
  );
}

const found = findMiniStack();

describe('the fake of SQS beside MiniStack', { skip: found.ok ? false : found.reason }, () => {
  let mini: MiniStack;
  let fake: FakeSqs;
  before(async () => {
    assert.ok(found.ok);
    mini = await found.start();
    fake = await startSqs({ region, secondMs: 50 });
  });
  after(async () => {
    await mini?.stop();
    await fake?.close();
  });

  test('sqs fake: one script of calls is answered as MiniStack answers it', async () => {
    const sides = [
      { ask: askerOf(mini.endpoint, fake.keys), account },
      { ask: askerOf(fake.endpoint, fake.keys), account: '123456789012' },
    ];
    const seen = sides.map(() => new Map<string, string>());
    const scripts = sides.map((side) => script((name) => `arn:aws:sqs:${region}:${side.account}:${name}`));
    for (const [i, [title]] of scripts[0]!.entries()) {
      const answers: unknown[] = [];
      for (const [at, side] of sides.entries()) {
        const urlOf = (name: string): string => `https://sqs.${region}.amazonaws.com/${side.account}/${name}`;
        const answer = await scripts[at]![i]![1](side.ask, urlOf, seen[at]!);
        answers.push(JSON.parse(JSON.stringify(comparable(answer)).replaceAll(side.account, 'ACCOUNT')));
      }
      assert.deepEqual(answers[1], answers[0], title);
    }
  });
});

async function withFake(check: (ask: Ask, fake: FakeSqs) => Promise<void>, settings: SqsSettings = {}): Promise<void> {
  const fake = await startSqs({ secondMs: 20, ...settings });
  try {
    await check(askerOf(fake.endpoint, fake.keys), fake);
  } finally {
    await fake.close();
  }
}

test('sqs fake: attributes count as bytes, and bad ones are refused, where MiniStack takes them', () =>
  withFake(async (ask, fake) => {
    const QueueUrl = fake.createQueue('q', { MaximumMessageSize: '1024' });
    const send = (MessageBody: string, MessageAttributes: object = {}) =>
      ask('SendMessage', { QueueUrl, MessageBody, MessageAttributes });
    const full = { ab: text('x'.repeat(1_024 - 10 - 2 - 'String'.length)) };

    assert.equal((await send('0123456789', full)).status, 200);
    assert.equal((await send('0123456789a', full)).type, 'InvalidParameterValue');
    const bad = [
      { a: text('') },
      { a: text('\u0000') },
      { 'a b': text('x') },
      { 'AWS.a': text('x') },
      { 'a..b': text('x') },
      { a: { DataType: 'Text', StringValue: 'x' } },
      { a: { DataType: 'Number', StringValue: 'x' } },
      Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, text('x')])),
    ];
    for (const one of bad) assert.equal((await send('a', one)).type, 'InvalidParameterValue', JSON.stringify(one));
    assert.equal(fake.messages(QueueUrl).length, 1);
  }));

test('sqs fake: a short poll sees a part, a long poll all there is, a few at a time', () =>
  withFake(async (ask, fake) => {
    const QueueUrl = fake.createQueue('q');
    for (let i = 0; i < 20; i++) fake.send(QueueUrl, `${i}`);
    const count = async (WaitTimeSeconds: number): Promise<number> => {
      const input = { QueueUrl, WaitTimeSeconds, MaxNumberOfMessages: 10, VisibilityTimeout: 30 };
      return ((await ask('ReceiveMessage', input)).body['Messages'] as readonly unknown[] | undefined)?.length ?? 0;
    };

    const long = [await count(1), await count(1)];
    assert.deepEqual(long, [7, 7]);
    assert.equal(await count(0), 3, 'of six a short poll sees three');
  }));

test('sqs fake: an old receipt handle deletes nothing and is told that it did', () =>
  withFake(async (ask, fake) => {
    const QueueUrl = fake.createQueue('q', { VisibilityTimeout: '0' });
    fake.send(QueueUrl, 'a');
    const seen = new Map<string, string>();
    for (const name of ['old', 'new']) await receive('q', name)(ask, () => QueueUrl, seen);

    const answer = await withHandle('DeleteMessage', 'q', 'old')(ask, () => QueueUrl, seen);
    assert.deepEqual([answer.status, fake.messages(QueueUrl).length], [200, 1]);
    await withHandle('DeleteMessage', 'q', 'new')(ask, () => QueueUrl, seen);
    assert.equal(fake.messages(QueueUrl).length, 0);
    const late = await withHandle('ChangeMessageVisibility', 'q', 'new', { VisibilityTimeout: 1 })(
      ask,
      () => QueueUrl,
      seen,
    );
    assert.equal(late.type, 'MessageNotInflight');
  }));

test('sqs fake: a message is hidden for 12 hours from its receipt at most, whatever was asked before', () => {
  const clock = { now: Date.now() };
  return withFake(
    async (ask, fake) => {
      const QueueUrl = fake.createQueue('q');
      fake.send(QueueUrl, 'a');
      const seen = new Map<string, string>();
      await receive('q', 'one')(ask, () => QueueUrl, seen);
      const hide = (VisibilityTimeout: number) =>
        withHandle('ChangeMessageVisibility', 'q', 'one', { VisibilityTimeout })(ask, () => QueueUrl, seen);

      clock.now += 10_000;
      assert.equal((await hide(43_190)).status, 200);
      assert.equal((await hide(43_191)).type, 'InvalidParameterValue');
    },
    { now: () => clock.now },
  );
});

test('sqs fake: what is not signed for SQS, here and now, is refused', () =>
  withFake(async (_ask, fake) => {
    const others = [
      { ...fake.keys, secretAccessKey: 'another' },
      { ...fake.keys, accessKeyId: 'another' },
      { ...fake.keys, sessionToken: 'another' },
      { ...fake.keys, region: 'us-east-1' },
    ];
    for (const keys of others) {
      const { status, type } = await askerOf(fake.endpoint, keys)('GetQueueUrl', { QueueName: 'q' });
      assert.ok(status === 400 && (type === 'InvalidSignature' || type === 'UnrecognizedClient'), type);
    }
    assert.deepEqual(fake.calls, []);
  }));
