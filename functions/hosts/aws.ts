// The functions on Lambda, opened: `webhook`, `deliver` and `redrive`, each from the kinds that its bundle holds and from the
// environment, where the ARN of a secret stands for the secret. Opened while the bundle is loaded, since Lambda gives that
// phase the most CPU; what went wrong then is tried once more at the first call, which tells.

import { ruleOfQueueFrom } from '../../adapters/eventbridge/queues.ts';
import type { Redeliver, RedeliveryParts } from '../../adapters/eventbridge/redelivery.ts';
import { type AwsDeliver, awsDeliver } from './aws-deliver.ts';
import { type AwsRedrive, awsRedrive, composeRedrive, type RedriveParts } from './aws-redrive.ts';
import { envWithSecrets } from './aws-secrets.ts';
import { openSeenTable } from './aws-seen.ts';
import { type AwsWebhook, awsWebhook } from './aws-webhook.ts';
import { composeDeliver, composeWebhook, type DeliverParts, once, opened, type WebhookParts } from './compose.ts';
import { createLog, printLine } from './log.ts';

/** What a bundle gives. */
type Given<Parts> = Omit<Parts, 'print'>;

export async function webhook(parts: Given<WebhookParts>): Promise<AwsWebhook> {
  const open = await opened(async () => {
    const env = await envWithSecrets(process.env);
    const seen = openSeenTable(env, { onWarning: createLog(printLine, Date.now).warning });
    const composed = await composeWebhook(env, { ...parts, print: printLine, ...(seen && { seen }) });
    return awsWebhook(composed.wrapped, composed);
  });
  return async (event, context) => (await open())(event, context);
}

/** Loaded at the first failure: a start does not wait for it. */
function lazyRedelivery(parts: RedeliveryParts): Redeliver {
  const load = once(async () => (await import('../../adapters/eventbridge/redelivery.ts')).createRedelivery(parts));
  return async (messages, call) => (await load())(messages, call);
}

export async function deliver(parts: Given<DeliverParts>): Promise<AwsDeliver> {
  const open = await opened(async () => {
    const env = await envWithSecrets(process.env);
    const { adapter, consumer, document, log } = await composeDeliver(env, { ...parts, print: printLine });
    const ruleOfQueue = ruleOfQueueFrom(env, () => document.rules.map(({ name }) => name));
    const decodeKafka = adapter.name === 'kafka' ? { decodeKafka: adapter.decode } : {};
    const redeliver = lazyRedelivery({ env, now: Date.now, onWarning: log.warning });
    return awsDeliver({ consumer, redeliver, ...decodeKafka, ...(ruleOfQueue && { ruleOfQueue }) });
  });
  return async (event, context) => (await open())(event, context);
}

export async function redrive(parts: Given<RedriveParts>): Promise<AwsRedrive> {
  const open = await opened(async () => {
    const env = await envWithSecrets(process.env);
    return awsRedrive(composeRedrive(env, { ...parts, print: printLine }));
  });
  return async (event, context) => (await open())(event, context);
}
