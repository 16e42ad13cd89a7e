// Where MiniStack 1.5.33 reads rights otherwise than AWS, so that neither a right too few nor one too many is passed over.
// Not asked by it at all: whether a rule may send to its queue (else events are lost without a word), an API call its function
// (else it answers 500), a function receive from its queue (else the stack does not come up). Sources: SQS API reference, AddPermission; EventBridge User Guide, "Amazon SQS
// permissions"; Lambda guide, "Using Lambda with Amazon SQS", "Execution role permissions" (read 2026-11-21).

import { isObject } from '../../../router/config.ts';
import type { AwsCalls } from './calls.ts';
import type { Properties } from './maker.ts';

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];
const objectOf = (value: unknown): Properties => (isObject(value) ? value : {});

/** "Specifying SendMessage, DeleteMessage, or ChangeMessageVisibility also grants permissions for the batch versions" */
const BATCHED = ['sqs:SendMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'];
const LOOK_UP = 'events:DescribeEventBus';

function asRead(statement: Properties): readonly Properties[] {
  const { Action, Resource } = statement;
  const actions = listOf(Action).map(String);
  const batches = actions.filter((action) => BATCHED.includes(action)).map((action) => `${action}Batch`);
  const own = { ...statement, Action: [...actions, ...batches] };
  if (!actions.includes(LOOK_UP)) return [own];
  // It takes the name of the bus in such a request for the name of a rule.
  const rules = listOf(Resource).map((arn) => String(arn).replace(':event-bus/', ':rule/default/'));
  return [own, { ...statement, Action: LOOK_UP, Resource: rules }];
}

/** A policy of a role in the words of MiniStack, which asks for two rights by other names than AWS. */
export function asMiniStackReads(policy: unknown): Properties {
  return { ...objectOf(policy), Statement: listOf(objectOf(policy)['Statement']).map(objectOf).flatMap(asRead) };
}

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
  if (closed !== undefined)
    throw new Error(`template: no policy lets ${rule} send to ${closed}, so events would be lost`);
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

/** `permissions`: of the stack. Throws Error where nobody lets the API call the function that it leads to. */
export function checkCallable(uri: string, api: string, permissions: readonly Properties[]): void {
  const isOpen = permissions.some(
    ({ Action, FunctionName, Principal, SourceArn }) =>
      Action === 'lambda:InvokeFunction' &&
      Principal === 'apigateway.amazonaws.com' &&
      uri.includes(String(FunctionName)) &&
      String(SourceArn).includes(`:${api}/`),
  );
  if (!isOpen) throw new Error(`template: no permission lets the HTTP API ${api} call ${uri}, so it would answer 500`);
}
