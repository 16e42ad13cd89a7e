// Which SQS queue is whose: BUSWAY_QUEUES says what rule a queue delivers for, BUSWAY_FAILURES what queue keeps a rule's
// failures; where BUSWAY_QUEUE_PREFIX is set, names tell both, since a table of many rules outgrows a function's environment.
// Pure. A bad table is CONFIG_INVALID when the bus is opened, and its text is not repeated.

import { createHash } from 'node:crypto';
import { isObject } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { queueProblem } from './options.ts';

/** Queue name -> the rule it belongs to; undefined for a queue that is nobody's. */
export type RuleOfQueue = (queue: string) => string | undefined;

const MAX_NAME = 80;
const DEAD = '-dlq';

/**
 * The name of a rule's queue: `<prefix>-<rule>-<hash>`, in at most 76 of the 80 characters that SQS allows, so that the name of
 * its dead-letter queue fits too. `prefix`: 1 to 32 letters, digits, '_' and '-'.
 */
export function queueName(prefix: string, rule: string): string {
  const hash = createHash('sha256').update(rule).digest('hex').slice(0, 8);
  const room = MAX_NAME - DEAD.length - prefix.length - hash.length - 2;
  return `${prefix}-${rule.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, room)}-${hash}`;
}

export function deadLetterQueueName(prefix: string, rule: string): string {
  return queueName(prefix, rule) + DEAD;
}

/** A JSON object of texts; undefined for anything else, and for an empty one. */
function readTable(text: string): ReadonlyMap<string, string> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const entries = Object.entries(isObject(parsed) ? parsed : {});
  const good = entries.length > 0 && entries.every(([, value]) => typeof value === 'string' && value !== '');
  return good ? new Map(entries as [string, string][]) : undefined;
}

function refuse(says: string): never {
  throw new RouterError('CONFIG_INVALID', `eventbridge: ${says}`);
}

/** What queues are named by. */
interface Names {
  readonly prefix: string;
  readonly account: string;
  readonly region: string;
}

type Env = (name: string) => string | undefined;

/** Names of rules; only asked for where queues are named by them, since reading rules takes a function long. */
type Rules = () => readonly string[];

const PREFIX = /^[A-Za-z0-9_-]{1,32}$/;
const ACCOUNT = /^\d{12}$/;
const REGION = /^[a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/;

/** BUSWAY_QUEUE_PREFIX, and what its queues' URLs hold besides. Undefined where it is not set. Throws CONFIG_INVALID. */
function namesIn(env: Env): Names | undefined {
  const read = (name: string, form: RegExp, example: string): string => {
    const value = env(name) ?? '';
    return form.test(value) ? value : refuse(`${name} must be ${example}, since BUSWAY_QUEUE_PREFIX is set`);
  };
  if ((env('BUSWAY_QUEUE_PREFIX') ?? '') === '') return undefined;
  return {
    prefix: read('BUSWAY_QUEUE_PREFIX', PREFIX, "1 to 32 letters, digits, '_' and '-'"),
    account: read('BUSWAY_ACCOUNT', ACCOUNT, 'the 12 digits of the account of the queues'),
    region: read('AWS_REGION', REGION, 'the region of the queues, such as eu-west-1'),
  };
}

/** BUSWAY_QUEUES, a JSON object of queue name and rule. Throws CONFIG_INVALID. */
export function ruleOfQueueIn(text: string | undefined): RuleOfQueue {
  if (text === undefined || text === '') return () => undefined;
  const rules = readTable(text);
  if (rules !== undefined) return (queue) => rules.get(queue);
  return refuse('BUSWAY_QUEUES must be a JSON object of queue name and rule, such as {"orders":"big-orders"}');
}

/** By BUSWAY_QUEUES, else by the names of the queues of `rules`; undefined where nothing says. Throws CONFIG_INVALID. */
export function ruleOfQueueFrom(env: Env, rules: Rules): RuleOfQueue | undefined {
  const table = env('BUSWAY_QUEUES') ?? '';
  if (table !== '') return ruleOfQueueIn(table);
  const names = namesIn(env);
  if (names === undefined) return undefined;
  const byName = new Map(rules().map((rule) => [queueName(names.prefix, rule), rule]));
  return (queue) => byName.get(queue);
}

/** Where failure records are kept; queues by their URL. */
export interface FailureQueues {
  /** Each once. */
  readonly all: readonly string[];
  /** Where a record of this rule goes; null for one of no rule. Undefined: there is no place for it. */
  queueOf(rule: string | null): string | undefined;
  /** The rule whose queue this is; undefined where it is shared. */
  ruleOf(queue: string): string | undefined;
}

/** The name, in BUSWAY_FAILURES, of the queue for records of no rule and of rules not listed. No rule is called so. */
const ANY = '*';

/**
 * BUSWAY_FAILURES, a JSON object of rule name and queue URL; `any` is the queue of '*' where the table names none.
 * Undefined where neither is given. Throws CONFIG_INVALID.
 */
export function failureQueuesIn(text: string | undefined, any: string | undefined): FailureQueues | undefined {
  const given = text === undefined || text === '' ? new Map<string, string>() : readTable(text);
  if (given === undefined) {
    const example =
      '{"big-orders":"https://sqs.eu-west-1.amazonaws.com/123456789012/big-orders-failures","*":"https://…"}';
    return refuse(`BUSWAY_FAILURES must be a JSON object of rule and queue URL, such as ${example}`);
  }
  const queues = new Map(any === undefined ? [] : [[ANY, any]]);
  for (const [rule, queue] of given) {
    const problem = queueProblem(queue);
    if (problem !== undefined) refuse(`BUSWAY_FAILURES: the queue of '${rule.slice(0, 64)}' ${problem}`);
    queues.set(rule, queue);
  }
  if (queues.size === 0) return undefined;
  const rulesOf = Map.groupBy(queues.keys(), (rule) => queues.get(rule)!);
  return {
    all: [...rulesOf.keys()],
    queueOf: (rule) => queues.get(rule ?? ANY) ?? queues.get(ANY),
    ruleOf(queue) {
      const [rule, another] = rulesOf.get(queue) ?? [];
      return another === undefined && rule !== ANY ? rule : undefined;
    },
  };
}

function queueUrl({ account, region }: Names, name: string): string {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return `https://sqs.${region}.${domain}/${account}/${name}`;
}

/** `any`: the queue for records of no rule, where there is one; else they stay in their queue until SQS gives them up. */
function failureQueuesBy(names: Names, rules: readonly string[], any: string | undefined): FailureQueues {
  // Also of a rule that is no longer in the document: its queue may still be there.
  const urlOf = (rule: string): string => queueUrl(names, deadLetterQueueName(names.prefix, rule));
  const ruleOf = new Map(rules.map((rule) => [urlOf(rule), rule]));
  return {
    all: [...ruleOf.keys(), ...(any === undefined ? [] : [any])],
    queueOf: (rule) => (rule === null ? any : urlOf(rule)),
    ruleOf: (queue) => ruleOf.get(queue),
  };
}

/** By BUSWAY_FAILURES, else by the names of the queues of `rules`, else `any` alone. As failureQueuesIn. */
export function failureQueuesFrom(env: Env, rules: Rules, any: string | undefined): FailureQueues | undefined {
  const table = env('BUSWAY_FAILURES') ?? '';
  const names = table === '' ? namesIn(env) : undefined;
  return names === undefined ? failureQueuesIn(table, any) : failureQueuesBy(names, rules(), any);
}

/** Where a rule's deliveries lie: the queue of BUSWAY_QUEUES, else the one that is named by the rule; by URL. */
export function queueOfRuleFrom(env: Env): ((rule: string) => string) | undefined {
  const table = readTable(env('BUSWAY_QUEUES') ?? '');
  const names = namesIn(env);
  if (names === undefined) return undefined;
  const given = new Map(table === undefined ? [] : Array.from(table, ([queue, rule]) => [rule, queue] as const));
  return (rule) => queueUrl(names, given.get(rule) ?? queueName(names.prefix, rule));
}
