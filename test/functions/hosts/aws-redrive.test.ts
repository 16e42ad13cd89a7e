// The redrive function over the strict fake of SQS: records go back to the queue of their rule and no other, as they were, and
// nothing is lost on the way.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createFailureLog } from '../../../adapters/eventbridge/failures.ts';
import { deadLetterQueueName, failureQueuesFrom, queueName } from '../../../adapters/eventbridge/queues.ts';
import { createSqs } from '../../../adapters/eventbridge/sqs.ts';
import { type AwsRedrive, awsRedrive, composeRedrive } from '../../../functions/hosts/aws-redrive.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { type FailureRecord, failureId } from '../../../router/failure.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { type Loose, looseOf, type WireFault } from '../../fakes/aws-json.ts';
import { type FakeSqs, type SqsSettings, startSqs } from '../../fakes/sqs.ts';

const idle = new AbortController().signal;
const ruleNames = ['orders', 'others'];
const document = {
  bus: { kind: 'eventbridge', options: { bus: 'shop' } },
  sources: [],
  hash: 'h',
  rules: { length: 2 },
};

interface Lying {
  readonly body: string;
  readonly rule: string | undefined;
}

interface Scene {
  readonly fake: FakeSqs;
  readonly redrive: AwsRedrive;
  readonly lines: readonly string[];
  /** Writes a failure record as the deliver function does. */
  fail(rule: string, event: CloudEvent): Promise<string>;
  /** As SQS moves a message after too many receipts. */
  moved(rule: string, body: string): void;
  lying(rule: string): readonly Lying[];
  dead(rule: string): readonly Lying[];
}

async function scene(t: TestContext, settings: SqsSettings = {}): Promise<Scene> {
  const fake = await startSqs({ secondMs: 20, ...settings });
  t.after(fake.close);
  const urls = new Map<string, string>();
  for (const rule of ruleNames) {
    for (const name of [queueName('shop', rule), deadLetterQueueName('shop', rule)])
      urls.set(name, fake.createQueue(name));
  }
  const given: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
    AWS_REGION: fake.keys.region,
    AWS_ENDPOINT_URL_SQS: fake.endpoint,
    BUSWAY_QUEUE_PREFIX: 'shop',
    BUSWAY_ACCOUNT: '123456789012',
  };
  const env = (name: string): string | undefined => given[name];
  const lines: string[] = [];
  const credentials = async () => fake.keys;
  const sqs = createSqs({ credentials, region: async () => fake.keys.region, endpoint: fake.endpoint, now: Date.now });
  const queues = failureQueuesFrom(env, () => ruleNames, undefined)!;
  const log = createFailureLog({ sqs, queues, ruleOfQueue: () => undefined, maxBytes: 1_048_576, now: Date.now });
  const lyingIn = (name: string): readonly Lying[] =>
    fake.messages(urls.get(name)!).map(({ body, attributes }) => ({
      body,
      rule: attributes.get('busway-rule')?.value.toString(),
    }));
  return {
    fake,
    lines,
    redrive: awsRedrive(composeRedrive(env, { document, ruleNames, print: (line) => void lines.push(line) })),
    async fail(rule, event) {
      const id = failureId(rule, event);
      const about = { ruleHash: null, code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5 } as const;
      const record: FailureRecord = { id, rule, ...about, at: new Date().toISOString(), event };
      await log.write(record, idle);
      return id;
    },
    moved: (rule, body) => fake.send(urls.get(deadLetterQueueName('shop', rule))!, body),
    lying: (rule) => lyingIn(queueName('shop', rule)),
    dead: (rule) => lyingIn(deadLetterQueueName('shop', rule)),
  };
}

const idOf = (input: Loose): string => (JSON.parse(String(input['MessageBody'])) as { id: string }).id;

function made(id: string, text = '{"n":1.50,"big":9007199254740993}'): CloudEvent {
  const attributes = {
    specversion: '1.0',
    id,
    source: '/shop',
    type: 't',
    datacontenttype: 'application/json',
  } as const;
  return { attributes, data: jsonData(Buffer.from(text)) };
}

test('aws redrive: the records of a rule go back to its own queue, named and byte for byte, and leave the dead letters', async (t) => {
  const { redrive, fail, lying, dead, lines } = await scene(t);
  const events = Array.from({ length: 25 }, (_, i) => made(`e${i}`));
  const ids = await Promise.all(events.map((event) => fail('orders', event)));
  await fail('others', made('x'));

  const answer = await redrive({ rule: 'orders' });

  assert.deepEqual(
    { ...answer, redriven: [...answer.redriven].sort() },
    { redriven: [...ids].sort(), missing: [], kept: [] },
  );
  const sent = lying('orders');
  assert.deepEqual(sent.map(({ body }) => body).sort(), events.map(encodeStructuredText).sort());
  assert.ok(sent.every(({ rule }) => rule === 'orders'));
  assert.deepEqual([dead('orders').length, dead('others').length, lying('others').length], [0, 1, 0]);
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    logged
      .filter(({ msg }) => msg === 'redriven')
      .map(({ failure }) => failure)
      .sort(),
    [...ids].sort(),
  );
});

test('aws redrive: ids choose records of any rule, and those of which there is none are named', async (t) => {
  const { redrive, fail, lying, dead } = await scene(t);
  const [a, , c] = [await fail('orders', made('a')), await fail('orders', made('b')), await fail('others', made('c'))];

  const answer = await redrive({ ids: [a, c, 'ffffffffffffffff'] });

  assert.deepEqual([[...answer.redriven].sort(), answer.missing], [[a, c].sort(), ['ffffffffffffffff']]);
  assert.deepEqual([lying('orders').length, lying('others').length], [1, 1]);
  assert.deepEqual(
    dead('orders').map(({ body }) => (JSON.parse(body) as { id: string }).id),
    ['b'],
  );
  // What was only looked at is there for the next call.
  assert.deepEqual((await redrive({ all: true })).redriven.length, 1);
});

test('aws redrive: what SQS itself gave up goes back as it was, also what is no event', async (t) => {
  const { redrive, moved, lying } = await scene(t);
  const poison = '{"not":"an event", "n": 1.0';
  moved('others', poison);

  const answer = await redrive({ rule: 'others', all: true });

  assert.equal(answer.redriven.length, 1);
  assert.deepEqual(lying('others'), [{ body: poison, rule: 'others' }]);
});

test('aws redrive: an event that fails again while the redrive goes on keeps its new record', async (t) => {
  let again: (() => void) | undefined;
  const made_ = await scene(t, {
    fault({ operation }): undefined {
      // The deliver function is faster than we are: a new record is there before the old one is removed.
      if (operation === 'DeleteMessageBatch') again?.();
    },
  });
  const { redrive, fail, dead, lying, moved } = made_;
  await fail('orders', made('a'));
  again = () => {
    again = undefined;
    moved('orders', encodeStructuredText(made('a')));
  };

  const answer = await redrive({ rule: 'orders' });

  assert.equal(answer.redriven.length, 1);
  assert.deepEqual([lying('orders').length, dead('orders').length], [1, 1]);
});

test('aws redrive: a record that cannot be sent stays, with its reason, and the others go', async (t) => {
  const refused: WireFault = { kind: 'refuse', type: 'AccessDeniedException' };
  let armed = false;
  const { redrive, fail, dead, lying } = await scene(t, {
    fault: ({ operation, input }) =>
      armed && operation === 'SendMessage' && String(input['MessageBody']).includes('"id":"bad"') ? refused : undefined,
  });
  const ids = [await fail('orders', made('good')), await fail('orders', made('bad'))];
  armed = true;

  const answer = await redrive({ all: true });

  assert.deepEqual([answer.redriven, answer.kept.map(({ id }) => id)], [[ids[0]], [ids[1]]]);
  assert.match(answer.kept[0]!.reason, /refused to these credentials/);
  assert.deepEqual([lying('orders').length, dead('orders').length], [1, 1]);
});

test('aws redrive: what was sent and could not be removed is told, for it may be sent again', async (t) => {
  const { redrive, fail, dead, lines } = await scene(t, {
    fault: ({ operation }) =>
      operation === 'DeleteMessageBatch' ? { kind: 'refuse', type: 'AccessDeniedException' } : undefined,
  });
  await fail('orders', made('a'));

  const answer = await redrive({ rule: 'orders' });

  assert.equal(answer.redriven.length, 1);
  assert.equal(dead('orders').length, 1);
  assert.ok(lines.some((line) => line.includes('"level":"warn"') && line.includes('may be sent again')));
});

test('aws redrive: a character that SQS does not take goes as JSON may write it, with the same value', async (t) => {
  const { redrive, fail, lying } = await scene(t);
  const text = '{"odd":"a\uffffb\ufffe"}';
  await fail('orders', made('a', text));

  await redrive({ rule: 'orders' });

  const [sent] = lying('orders');
  assert.ok(!/[\ufffe\uffff]/.test(sent!.body));
  assert.deepEqual((JSON.parse(sent!.body) as { data: unknown }).data, JSON.parse(text));
});

test('aws redrive: when time is over the rest stays and is named, and what was sent is told', async (t) => {
  const { redrive, fail, dead } = await scene(t, {
    fault: ({ operation, input }) =>
      operation === 'SendMessage' && !('busway-id' in looseOf(input['MessageAttributes'])) && idOf(input) === 'e3'
        ? { kind: 'hang' }
        : undefined,
  });
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.push(await fail('orders', made(`e${i}`)));

  const { redriven, kept } = await redrive({ rule: 'orders' }, { getRemainingTimeInMillis: () => 2_000 });

  assert.deepEqual([...redriven, ...kept.map(({ id }) => id)].sort(), [...ids].sort());
  assert.ok(kept.some(({ id }) => id === ids[3]));
  assert.equal(dead('orders').length, kept.length);
});

test('aws redrive: what is asked for wrongly is refused with what may be asked, and no queue is touched', async (t) => {
  const { redrive, fake } = await scene(t);
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /takes an object with ids, rule or all/],
    [{}, /takes an object/],
    [[], /takes an object/],
    [{ rul: 'orders' }, /unknown key 'rul'; did you mean 'rule'/],
    [{ rule: 'order' }, /unknown rule 'order'; did you mean 'orders'/],
    [{ rule: 7 }, /takes rule as the name of a rule/],
    [{ ids: 'a' }, /takes ids as a list/],
    [{ ids: [1] }, /takes ids as a list/],
    [{ all: 1 }, /takes all as true/],
    [{ all: true, ids: ['a'] }, /takes all as true/],
  ];

  for (const [event, message] of cases) await assert.rejects(redrive(event), { code: 'USAGE', message });
  assert.equal(fake.calls.length, 0);
});
