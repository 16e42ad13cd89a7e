// Buses, rules, targets and queues of the fake: the calls that are no faults. Each answers as the service would or throws
// a refusal, which is a whole call refused. Limits: EventBridge API reference; User Guide, "Quotas" (read 2026-11-21).

import { randomUUID } from 'node:crypto';
import { RouterError } from '../../router/errors.ts';
import { type Loose, looseOf, refusal } from './aws-json.ts';
import { type Entry, entryBytes, entryProblem, envelopeText, isComplete, readEntry } from './eventbridge-entry.ts';
import { type EventPattern, readEventPattern } from './eventbridge-pattern.ts';

interface Target {
  readonly id: string;
  readonly arn: string;
  /** With <aws.events.rule-arn> and <aws.events.event.json>; the whole envelope if absent. */
  readonly template: string | undefined;
}

interface Rule {
  readonly arn: string;
  readonly pattern: EventPattern;
  readonly targets: Map<string, Target>;
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
}

export interface Place {
  readonly region: string;
  readonly account: string;
  /** Sum of the entries of a call must be less. */
  readonly maxBytes: number;
}

export interface State {
  readonly place: Place;
  /** Bus name -> rule name -> rule. */
  readonly buses: Map<string, Map<string, Rule>>;
  /** Queue ARN -> what was sent there. */
  readonly queues: Map<string, Message[]>;
  /** Details of all entries that were taken, also by a bus that is not there. */
  readonly taken: string[];
}

const MAX_RULES = 300;
const MAX_WILDCARD_RULES = 30;
const MAX_TARGETS = 5;
const QUOTA_PATTERN = 2_048;
const API_PATTERN = 4_096;

function invalid(message: string): never {
  throw refusal('ValidationException', message);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A name, or the name in an ARN of this account and region. */
function busName(given: unknown, { region, account }: Place): string {
  const text = textOf(given) || 'default';
  const prefix = `arn:aws:events:${region}:${account}:event-bus/`;
  if (text.startsWith('arn:') && !text.startsWith(prefix)) throw refusal('AccessDeniedException', 'not your bus');
  const name = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  return /^[/.\-_A-Za-z0-9]{1,256}$/.test(name) ? name : invalid('EventBusName has a bad form');
}

function rulesOf(state: State, given: unknown): Map<string, Rule> {
  const name = busName(given, state.place);
  const rules = state.buses.get(name);
  if (rules === undefined) throw refusal('ResourceNotFoundException', `Event bus ${name} does not exist.`);
  return rules;
}

export function describeEventBus(state: State, input: Loose): Loose {
  rulesOf(state, input['Name']);
  const name = busName(input['Name'], state.place);
  const { region, account } = state.place;
  return { Name: name, Arn: `arn:aws:events:${region}:${account}:event-bus/${name}` };
}

export function putRule(state: State, input: Loose): Loose {
  const rules = rulesOf(state, input['EventBusName']);
  const { region, account } = state.place;
  const name = textOf(input['Name']);
  const text = textOf(input['EventPattern']);
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name)) invalid('Name has a bad form');
  if (text.length > API_PATTERN) invalid('EventPattern is too long');
  if (text.length > QUOTA_PATTERN) throw refusal('LimitExceededException', 'the event pattern is over the quota');
  const pattern = patternOf(text);
  const others = [...rules].filter(([other]) => other !== name).map(([, rule]) => rule);
  const wild = others.filter((rule) => rule.pattern.wildcard).length + (pattern.wildcard ? 1 : 0);
  if (others.length >= MAX_RULES || wild > MAX_WILDCARD_RULES) throw refusal('LimitExceededException', 'rules');
  const bus = busName(input['EventBusName'], state.place);
  const arn = `arn:aws:events:${region}:${account}:rule/${bus === 'default' ? '' : `${bus}/`}${name}`;
  rules.set(name, { arn, pattern, targets: rules.get(name)?.targets ?? new Map() });
  return { RuleArn: arn };
}

function patternOf(text: string): EventPattern {
  try {
    return readEventPattern(text);
  } catch (thrown) {
    if (!(thrown instanceof RouterError)) throw thrown;
    throw refusal('InvalidEventPatternException', `Event pattern is not valid. Reason: ${thrown.message}`);
  }
}

export function putTargets(state: State, input: Loose): Loose {
  const rule = rulesOf(state, input['EventBusName']).get(textOf(input['Rule']));
  if (rule === undefined) throw refusal('ResourceNotFoundException', 'the rule does not exist');
  const targets = Array.isArray(input['Targets']) ? input['Targets'].map(looseOf) : [];
  if (targets.length === 0) invalid('Targets must not be empty');
  for (const target of targets) {
    const template = looseOf(target['InputTransformer'])['InputTemplate'];
    const { Id: id, Arn: arn } = target;
    rule.targets.set(textOf(id), { id: textOf(id), arn: textOf(arn), template: textOf(template) || undefined });
  }
  if (rule.targets.size > MAX_TARGETS) throw refusal('LimitExceededException', 'targets');
  return { FailedEntryCount: 0, FailedEntries: [] };
}

export function testEventPattern(_state: State, input: Loose): Loose {
  const event = textOf(input['Event']);
  const has = looseOf(JSON.parse(event));
  const due = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type'];
  if (due.some((name) => !(name in has))) invalid('a member of the event is missing');
  return { Result: patternOf(textOf(input['EventPattern'])).matches(event) === true };
}

function send(state: State, entry: Entry, id: string): void {
  const { region, account } = state.place;
  const envelope = envelopeText(entry, { id, account, region, now: Date.now() });
  // "If you use PutEvents to publish an event to an event bus that does not exist, EventBridge event matching will not find
  // a corresponding rule and will drop the event", with a response of 200.
  for (const rule of state.buses.get(busName(entry.bus, state.place))?.values() ?? []) {
    if (rule.pattern.matches(envelope) !== true) continue;
    for (const { arn, template } of rule.targets.values()) {
      const body =
        template === undefined
          ? envelope
          : template
              .replaceAll('<aws.events.rule-arn>', () => JSON.stringify(rule.arn))
              .replaceAll('<aws.events.event.json>', () => envelope);
      state.queues.get(arn)?.push({ messageId: randomUUID(), body });
    }
  }
}

/** `failing`: index -> ErrorCode, faults that are asked for. */
export function putEvents(state: State, input: Loose, failing: ReadonlyMap<number, string>): Loose {
  const entries = Array.isArray(input['Entries']) ? input['Entries'].map(looseOf) : [];
  if (entries.length < 1 || entries.length > 10) {
    invalid(`1 validation error detected: Value at 'entries' must have length from 1 to 10, found ${entries.length}`);
  }
  if (!entries.some(isComplete)) invalid('no entry has Source, DetailType and Detail');
  const read = entries.map(readEntry);
  const bytes = read.reduce((sum, entry) => sum + entryBytes(entry), 0);
  if (bytes >= state.place.maxBytes) invalid('Total size of the entries in the request is over the limit.');
  for (const { bus } of read) busName(bus, state.place);
  const results = entries.map((raw, i): Loose => {
    const problem = entryProblem(raw);
    const code = problem?.code ?? failing.get(i);
    if (code !== undefined) return { ErrorCode: code, ErrorMessage: problem?.message ?? 'a fault that was asked for' };
    const id = randomUUID();
    state.taken.push(read[i]!.detail);
    send(state, read[i]!, id);
    return { EventId: id };
  });
  return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
}
