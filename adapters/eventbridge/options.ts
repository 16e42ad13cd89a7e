// The option table of the EventBridge bus (Custom Event Bus - Classic). Pure; loaded by the registry. Credentials are no
// options: the SDK finds them as every AWS tool does.
// Sources: EventBridge API reference, PutEvents and DescribeEventBus; User Guide, "Quotas"; SQS Developer Guide, "Queue and
// message identifiers" (read 2026-11-21).

import type { Options, OptionTable } from '../../router/config.ts';
import type { Limits } from '../adapter.ts';

// PutEvents: the entries of a call must be less than 1 MB together. Some partitions are still at 262144.
const DEFAULT_MAX_BYTES = 1_048_576;
const LEAST_MAX_BYTES = 8_192;
// Quota 'event pattern size': 2048 characters until it is raised; the API takes 4096.
const DEFAULT_MAX_PATTERN = 2048;
const LARGEST_PATTERN = 4096;
// Quota 'rules' of an event bus: 300 (100 in a few regions) until it is raised.
const DEFAULT_MAX_RULES = 300;

const NAME = /^[A-Za-z0-9._/-]{1,256}$/;
const ARN =
  /^arn:aws[a-z-]{0,20}:events:([a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}):\d{12}:event-bus\/[A-Za-z0-9._/-]{1,256}$/;
const REGION = /^[a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/;

function checkBus(bus: string): string | undefined {
  if (NAME.test(bus) || ARN.test(bus)) return undefined;
  return "must be the name of an event bus (letters, digits, '.', '_', '-', '/'; at most 256) or its ARN, such as arn:aws:events:eu-west-1:123456789012:event-bus/orders";
}

function checkRegion(region: string): string | undefined {
  return REGION.test(region) ? undefined : 'must be a region such as eu-west-1';
}

/** What is wrong with an endpoint, or undefined. */
export function endpointProblem(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return 'must be an http or https URL, such as http://127.0.0.1:4566';
  }
  return url.username === '' && url.password === '' ? undefined : 'must hold no user and no password';
}

const QUEUE_PATH = /^(?:\/[A-Za-z0-9_-]{1,80}){2,}$/;
const A_QUEUE =
  'must be the URL of a standard SQS queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/orders-failures';

/** What is wrong with the URL of a failure queue, or undefined. */
export function queueProblem(queue: string): string | undefined {
  const url = URL.parse(queue);
  if (url === null || endpointProblem(queue) !== undefined) return A_QUEUE;
  // Of a FIFO queue no more than ten messages of a group can be looked at.
  return QUEUE_PATH.test(url.pathname) && url.search === '' && url.hash === '' ? undefined : A_QUEUE;
}

export const eventbridgeOptions: OptionTable = {
  bus: { type: 'string', required: true, check: checkBus, says: 'the event bus, by name or ARN' },
  region: {
    type: 'string',
    check: checkRegion,
    says: "the bus's region; that of the ARN, AWS_REGION or the profile if absent",
  },
  endpoint: {
    type: 'string',
    check: endpointProblem,
    says: 'another endpoint, such as an emulator; AWS_ENDPOINT_URL_EVENTBRIDGE or AWS_ENDPOINT_URL if absent',
  },
  maxBytes: {
    type: 'integer',
    min: LEAST_MAX_BYTES,
    max: DEFAULT_MAX_BYTES,
    default: DEFAULT_MAX_BYTES,
    says: 'the entries of a call together, and a message of SQS, stay below this; 262144 where the old limit still holds',
  },
  maxPattern: {
    type: 'integer',
    min: 256,
    max: LARGEST_PATTERN,
    default: DEFAULT_MAX_PATTERN,
    says: "characters of a rule's pattern: the account's quota 'event pattern size'",
  },
  maxRules: {
    type: 'integer',
    min: 1,
    max: 100_000,
    default: DEFAULT_MAX_RULES,
    says: "rules of the bus: the account's quota 'rules'; only busway plan asks",
  },
  failures: {
    type: 'string',
    check: queueProblem,
    says: 'the SQS queue, by URL, for failures of rules that BUSWAY_FAILURES does not list',
  },
};

/** Checked options, as eventbridgeOptions describes them. */
export interface EventBridgeOptions {
  readonly bus: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly maxBytes: number;
  readonly maxPattern: number;
  readonly maxRules: number;
  readonly failures?: string;
}

/** Options that passed checkOptions; what a caller left out gets its default. */
export function toEventBridgeOptions(options: Options): EventBridgeOptions {
  return {
    maxBytes: DEFAULT_MAX_BYTES,
    maxPattern: DEFAULT_MAX_PATTERN,
    maxRules: DEFAULT_MAX_RULES,
    ...options,
  } as EventBridgeOptions;
}

// PutEvents takes ten entries.
const CALL_EVENTS = 10;

/**
 * What an event leaves free of a message of SQS, which takes as much as a call: for the envelope that EventBridge puts around
 * it (some 200 bytes, 600 with the rule beside it), and for the fields of a failure record (300 bytes and its reason).
 */
const MESSAGE_ROOM = 2_048;

/** "The total entry size must be less than 1MB." */
export function limitsOf({ maxBytes }: EventBridgeOptions): Limits {
  return { events: CALL_EVENTS, callBytes: maxBytes - 1, eventBytes: maxBytes - 1 - MESSAGE_ROOM };
}

/** The region that a bus's ARN names; undefined for a bare name. */
export function regionOfBus(bus: string): string | undefined {
  return ARN.exec(bus)?.[1];
}
