// The redrive function on EventBridge: chosen records of the dead-letter queues go back to the queues of their rules, where
// the deliver function takes them as if they came for the first time. A record is removed after it was sent, never before: what
// breaks in between is delivered twice. Called by people and tools, by hand.

import { openRedrive, type RedriveQueues } from '../../adapters/eventbridge/open-redrive.ts';
import { toEventBridgeOptions } from '../../adapters/eventbridge/options.ts';
import { isObject, unknownName } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { type TimeLeft, withinTime } from '../within-time.ts';
import { createLog, type Log } from './log.ts';
import type { Env, Intake } from './read-document.ts';

/** One of `ids`, `rule` and `all` at least; beside a rule the others mean what is of that rule. */
export interface RedriveChoice {
  readonly ids?: readonly string[];
  readonly rule?: string;
  readonly all?: true;
}

export interface RedriveAnswer {
  /** Ids of records that are back in their queue. */
  readonly redriven: readonly string[];
  /** Ids that were asked for and of which there is no record. */
  readonly missing: readonly string[];
  /** Records that stay, and why. */
  readonly kept: readonly { readonly id: string; readonly reason: string }[];
}

export type AwsRedrive = (event: unknown, context?: TimeLeft) => Promise<RedriveAnswer>;

export interface AwsRedriveParts {
  /** The queues of these rules. */
  readonly open: (rules: readonly string[]) => RedriveQueues;
  /** Names of the rules of the document. */
  readonly rules: readonly string[];
  readonly log: Pick<Log, 'redriven' | 'warning'>;
}

const KEYS = ['ids', 'rule', 'all'];
/** Records under way at once; as many are removed in one call. */
const AT_ONCE = 10;
const DEFAULT_MS = 30_000;
const REMOVE_MS = 10_000;
/**
 * A listing hides messages for a minute, and only then is a removal sure to mean them: later it could mean the record of an
 * event that was sent back and has failed again.
 */
const FRESH_MS = 20_000;
const NO_TIME = 'the time was over before it was its turn; call again';

function usage(says: string): never {
  throw new RouterError(
    'USAGE',
    `aws: redrive ${says}; such as {"ids":["0123456789abcdef"]}, {"rule":"orders"} or {"all":true}`,
  );
}

/** Throws USAGE. */
function readChoice(event: unknown, rules: readonly string[]): RedriveChoice {
  if (!isObject(event) || Object.keys(event).length === 0) return usage('takes an object with ids, rule or all');
  const strange = Object.keys(event).find((key) => !KEYS.includes(key));
  if (strange !== undefined) return usage(unknownName('key', strange, KEYS));
  const { ids, rule, all } = event;
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === 'string'))) {
    return usage('takes ids as a list of texts');
  }
  if (rule !== undefined && !(typeof rule === 'string' && rules.includes(rule))) {
    return usage(typeof rule === 'string' ? unknownName('rule', rule, rules) : 'takes rule as the name of a rule');
  }
  if (all !== undefined && (all !== true || ids !== undefined)) return usage('takes all as true, and not beside ids');
  return event as RedriveChoice;
}

function isChosen({ id, rule }: FailureRecord, choice: RedriveChoice): boolean {
  return (choice.ids?.includes(id) ?? true) && (choice.rule === undefined || choice.rule === rule);
}

/** What became of records, by id. */
type Ended = Map<string, { readonly sent: true } | { readonly sent: false; readonly reason: string }>;

function answerOf(choice: RedriveChoice, ended: Ended): RedriveAnswer {
  const kept = Array.from(ended, ([id, end]) => (end.sent ? [] : [{ id, reason: end.reason }])).flat();
  const redriven = Array.from(ended.keys()).filter((id) => ended.get(id)!.sent);
  return { redriven, missing: [...new Set(choice.ids)].filter((id) => !ended.has(id)), kept };
}

/** Sends each record and removes what was sent. Never rejects. */
async function sendSome(
  records: readonly FailureRecord[],
  { queues, log, signal }: { queues: RedriveQueues; log: AwsRedriveParts['log']; signal: AbortSignal },
): Promise<Ended> {
  const ended: Ended = new Map();
  const send = async (record: FailureRecord): Promise<void> => {
    try {
      await queues.send(record, signal);
      ended.set(record.id, { sent: true });
      log.redriven(record.id, record.rule);
    } catch (thrown) {
      ended.set(record.id, { sent: false, reason: toRouterError(thrown).message });
    }
  };
  await Promise.all(records.map(send));
  const sent = Array.from(ended.keys()).filter((id) => ended.get(id)!.sent);
  try {
    // Also when time is over: what was sent would be sent again.
    await queues.failures.remove(sent, AbortSignal.timeout(REMOVE_MS));
  } catch (thrown) {
    const says = `aws: ${sent.length} records were sent back and could not be removed, so they may be sent again`;
    log.warning(`${says}: ${toRouterError(thrown).message}`);
  }
  return ended;
}

/** Rejects with USAGE for another event, else as a listing does. */
export function awsRedrive({ open, rules, log }: AwsRedriveParts): AwsRedrive {
  async function run(choice: RedriveChoice, queues: RedriveQueues, signal: AbortSignal): Promise<RedriveAnswer> {
    const ended: Ended = new Map();
    for (;;) {
      const freshUntil = Date.now() + FRESH_MS;
      const records = await queues.failures.list(signal);
      // One that failed again meanwhile stays for the next call.
      const left = records.filter((record) => isChosen(record, choice) && !ended.has(record.id));
      while (left.length > 0 && Date.now() < freshUntil && !signal.aborted) {
        for (const [id, end] of await sendSome(left.splice(0, AT_ONCE), { queues, log, signal })) ended.set(id, end);
      }
      if (signal.aborted) for (const { id } of left.splice(0)) ended.set(id, { sent: false, reason: NO_TIME });
      if (left.length === 0) return answerOf(choice, ended);
    }
  }

  return async (event, context = {}) => {
    const choice = readChoice(event, rules);
    const queues = open(choice.rule === undefined ? rules : [choice.rule]);
    try {
      const ms = context.getRemainingTimeInMillis?.() ?? DEFAULT_MS;
      return await withinTime(ms, (signal) => run(choice, queues, signal));
    } finally {
      // What was only looked at is there for the next.
      await queues.failures.release();
    }
  };
}

export interface RedriveParts {
  /** Checked when the bundle was made. */
  readonly document: Intake;
  /** In document order. */
  readonly ruleNames: readonly string[];
  readonly print: (line: string) => void;
}

/** Throws CONFIG_INVALID where the environment does not name the queues. */
export function composeRedrive(env: Env, { document, ruleNames, print }: RedriveParts): AwsRedriveParts {
  const log = createLog(print, Date.now);
  log.started(document);
  const parts = { env, now: Date.now, onWarning: log.warning };
  const given = { options: toEventBridgeOptions(document.bus.options), parts };
  return { open: (chosen) => openRedrive(given, chosen), rules: ruleNames, log };
}
