// What AWS refuses and MiniStack does not: a rule that may not send to its queue (then events are lost without a word), and a
// mapping whose function may not receive from its queue (then the stack does not come up). Checked on resolved resources.
// Sources: EventBridge User Guide, "Using resource-based policies", "Amazon SQS permissions"; Lambda guide, "Using Lambda with
// Amazon SQS", "Execution role permissions" (read 2026-11-21).

import { isObject } from '../../../router/config.ts';
import type { AwsCalls } from './calls.ts';
import type { Properties } from './makers.ts';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const objectOf = (value: unknown): Properties => (isObject(value) ? value : {});

const SENDER = 'events.amazonaws.com';
const SEND = 'sqs:SendMessage';

function admits(statement: Properties, queue: string, rule: string): boolean {
  const { Effect, Principal, Action, Resource, Condition } = statement;
  const sources = listOf(objectOf(objectOf(Condition)['ArnEquals'])['aws:SourceArn']);
  return (
    Effect === 'Allow' &&
    listOf(objectOf(Principal)['Service']).includes(SENDER) &&
    listOf(Action).includes(SEND) &&
    listOf(Resource).includes(queue) &&
    sources.includes(rule)
  );
}

/** `policies`: documents of the queues' policies. Throws Error for a queue that would turn the rule away. */
export function checkAdmitted(rule: string, targets: unknown, policies: readonly unknown[]): void {
  const statements = policies.flatMap((one) => listOf(objectOf(one)['Statement'])).map(objectOf);
  const queues = listOf(targets).flatMap((target) => {
    const { Arn, DeadLetterConfig } = objectOf(target);
    return [Arn, objectOf(DeadLetterConfig)['Arn']].filter((arn) => arn !== undefined).map(String);
  });
  const closed = queues.find((queue) => !statements.some((statement) => admits(statement, queue, rule)));
  if (closed !== undefined) throw new Error(`template: no policy lets ${rule} send to ${closed}, so events would be lost`);
}

const RECEIVE = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

/** Rejects with Error where the role lacks one of the three. */
export async function checkReceives(calls: AwsCalls, role: string, queue: string): Promise<void> {
  const names = Object.fromEntries(RECEIVE.map((action, i) => [`ActionNames.member.${i + 1}`, action]));
  const asked = { PolicySourceArn: role, ...names, 'ResourceArns.member.1': queue };
  const answer = await calls.iam('SimulatePrincipalPolicy', asked);
  const allowed = answer.match(/<EvalDecision>allowed<\/EvalDecision>/g)?.length ?? 0;
  if (allowed === RECEIVE.length) return;
  throw new Error(`template: ${role} lacks one of ${RECEIVE.join(', ')} on ${queue}, so AWS would refuse the mapping`);
}
