// EventBridge in the parity run: a rule on the bus for each rule of the document, a queue behind each, and the deliver
// function as Lambda runs it on that queue, with what failed handed to it again.

import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { compileFilter } from '../../../adapters/eventbridge/filter.ts';
import { awsDeliver } from '../../../functions/hosts/aws-deliver.ts';
import { objectOf } from '../../../functions/hosts/foreign.ts';
import type { Rule } from '../../../router/rule.ts';
import { account, findMiniStack, type MiniStack, region } from '../../adapters/eventbridge/ministack.ts';
import { startEventBridge } from '../../fakes/eventbridge.ts';
import { type Column, here, partsOf, withFolder } from './columns.ts';
import { createRouter, publishAll, type Router, type Scene } from './scene.ts';

const BUS = 'parity';
// As the service does it: a rule without a pattern of its own takes every event.
const ALL = '{"source":[{"prefix":""}]}';

export function patternOf({ when }: Rule): string {
  const { native } = compileFilter(when);
  return native === null ? ALL : JSON.stringify(native);
}

/** Lambda's loop over one queue: batches in, what is named as failed comes again. */
export async function pump(batches: readonly unknown[], router: Router, rule: string): Promise<void> {
  const deliver = awsDeliver({ consumer: router.consumer, ruleOfQueue: () => rule });
  for (const batch of batches) {
    let records = objectOf(batch)['Records'] as readonly { readonly messageId: string }[];
    for (let received = 1; records.length > 0; received++) {
      const attributes = { ApproximateReceiveCount: String(received) };
      const { batchItemFailures } = await deliver({ Records: records.map((record) => ({ ...record, attributes })) });
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      records = records.filter(({ messageId }) => failed.has(messageId));
    }
  }
}

async function run(scene: Scene, dataDir: string): Promise<Router> {
  const fake = await startEventBridge({ buses: [BUS] });
  const { keys } = fake;
  const env = {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_ENDPOINT_URL: fake.endpoint,
    AWS_REGION: keys.region,
    ...(keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  };
  const adapter = await open({ bus: BUS }, partsOf(scene, dataDir, env));
  const router = createRouter(scene);
  try {
    for (const rule of scene.document.rules) {
      fake.addRule({ bus: BUS, name: rule.name, pattern: patternOf(rule), queue: fake.queue(rule.name) });
    }
    await publishAll(adapter, scene.events);
    for (const { name } of scene.document.rules) await pump(fake.queue(name).pushed(), router, name);
    return router;
  } finally {
    await adapter.close();
    await fake.close();
  }
}

/** All that is in a queue, in batches as Lambda is handed them. */
async function receiveAll(mini: MiniStack, queue: string): Promise<readonly unknown[]> {
  const QueueUrl = `${mini.endpoint}/${account}/${queue}`;
  const batches: unknown[] = [];
  for (;;) {
    const { Messages = [] } = await mini.sqs('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10 });
    const messages = Messages as readonly Readonly<Record<string, string>>[];
    if (messages.length === 0) return batches;
    const Records = messages.map(({ MessageId: messageId, Body: body }) => ({
      ...{ messageId, body, eventSource: 'aws:sqs' },
      eventSourceARN: `arn:aws:sqs:${region}:${account}:${queue}`,
    }));
    batches.push({ Records });
    const Entries = messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
    await mini.sqs('DeleteMessageBatch', { QueueUrl, Entries });
  }
}

async function runOnMiniStack(mini: MiniStack, scene: Scene, dataDir: string): Promise<Router> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new EventBridgeClient({ endpoint: mini.endpoint, region, maxAttempts: 1, credentials });
  const env = {
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: mini.endpoint,
    AWS_REGION: region,
  };
  const adapter = await open({ bus: BUS }, partsOf(scene, dataDir, env));
  const router = createRouter(scene);
  try {
    await client.send(new CreateEventBusCommand({ Name: BUS }));
    for (const rule of scene.document.rules) {
      const { name: Name } = rule;
      await mini.sqs('CreateQueue', { QueueName: Name });
      await client.send(new PutRuleCommand({ Name, EventBusName: BUS, EventPattern: patternOf(rule) }));
      const Targets = [{ Id: 'queue', Arn: `arn:aws:sqs:${region}:${account}:${Name}` }];
      await client.send(new PutTargetsCommand({ Rule: Name, EventBusName: BUS, Targets }));
    }
    await publishAll(adapter, scene.events);
    for (const { name } of scene.document.rules) await pump(await receiveAll(mini, name), router, name);
    return router;
  } finally {
    client.destroy();
    await adapter.close();
  }
}

const found = findMiniStack();

export const ministack: Column = {
  name: 'eventbridge',
  on: 'MiniStack',
  missing: async () => (found.ok ? undefined : found.reason),
  run: (scene) =>
    withFolder(async (dataDir) => {
      if (!found.ok) throw new Error(found.reason);
      const mini = await found.start();
      try {
        return await runOnMiniStack(mini, scene, dataDir);
      } finally {
        await mini.stop();
      }
    }),
};

export const eventbridge: Column = {
  name: 'eventbridge',
  on: 'our fake',
  missing: here,
  run: (scene) => withFolder((dataDir) => run(scene, dataDir)),
};
