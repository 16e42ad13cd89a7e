// Failure records back to where deliveries come from: the queue of their rule, and no other, so that no other rule delivers
// the event again. Without the SDK and without the bus. Connects to nothing yet.

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../../router/errors.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { encodeStructuredText } from '../../router/wire/json.ts';
import { regionIn } from '../aws-json.ts';
import { credentialsFromEnv } from '../aws-request.ts';
import { endpointIn } from './client.ts';
import { ALL_NOT_TAKEN } from './failure-message.ts';
import type { SqsFailureLog } from './failures.ts';
import { type OpenFailuresParts, openFailures } from './open-failures.ts';
import { queueOfRuleFrom, ruleOfQueueFrom } from './queues.ts';
import { createSqs } from './sqs.ts';

export interface RedriveQueues {
  readonly failures: SqsFailureLog;
  /**
   * Puts what the record holds into its rule's queue. Rejects as Sqs.send, and with NOT_FOUND for a rule without a queue or
   * NOT_CARRIABLE for bytes that are no text.
   */
  send(record: FailureRecord, signal: AbortSignal): Promise<void>;
}

/** \ufffe as JSON may write it: outside of a string such a character cannot stand. */
function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    const unit = character.charCodeAt(i).toString(16).padStart(4, '0');
    return `\\u${unit}`;
  }).join('');
}

/** What lay in the rule's queue: the event as it is, or the bytes that were no event. */
function bodyOf({ id, event, bytes = Buffer.alloc(0) }: FailureRecord): string {
  if (event !== null) return encodeStructuredText(event).replace(ALL_NOT_TAKEN, escaped);
  const text = isUtf8(bytes) ? bytes.toString() : '';
  if (text !== '' && text.search(ALL_NOT_TAKEN) < 0) return text;
  throw new RouterError('NOT_CARRIABLE', `eventbridge: the record '${id}' holds bytes that are no text of a queue`);
}

export interface OpenRedriveParts extends Pick<OpenFailuresParts, 'options'> {
  readonly parts: Omit<OpenFailuresParts['parts'], 'rules'>;
}

/** Of these rules. Throws CONFIG_INVALID where the environment does not name the queues. */
export function openRedrive({ options, parts }: OpenRedriveParts, rules: readonly string[]): RedriveQueues {
  const { env, now } = parts;
  const queueOf = queueOfRuleFrom(env);
  const region = regionIn(env);
  if (queueOf === undefined || region === undefined) {
    throw new RouterError(
      'CONFIG_INVALID',
      'eventbridge: redrive needs BUSWAY_QUEUE_PREFIX, BUSWAY_ACCOUNT and AWS_REGION',
    );
  }
  const client = { credentials: credentialsFromEnv(env, now), region: async () => region };
  const ruleOfQueue = ruleOfQueueFrom(env, () => rules) ?? (() => undefined);
  const ofRules = { ...parts, rules: () => rules.map((name) => ({ name })) };
  const failures = openFailures({ options, parts: ofRules, client, ruleOfQueue })!;
  const sqs = createSqs({ ...client, endpoint: endpointIn(env, 'SQS'), now });
  return {
    failures,
    async send(record, signal) {
      const { id, rule } = record;
      if (rule === null || !rules.includes(rule)) {
        const whose = rule === null ? 'no rule' : `rule '${rule}', which is not in the document any more`;
        throw new RouterError('NOT_FOUND', `eventbridge: the record '${id}' is of ${whose}, so it has no queue`);
      }
      await sqs.send(queueOf(rule), { body: bodyOf(record), attributes: { 'busway-rule': rule } }, signal);
    },
  };
}
