// The option table of the EventBridge bus (Custom Event Bus - Classic). Pure; loaded by the registry. Credentials are no
// options: the SDK finds them as every AWS tool does.
// Sources: EventBridge API reference, PutEvents and DescribeEventBus; User Guide, "Quotas" (read 2026-11-21).

import type { Options, OptionTable } from '../../router/config.ts';

// PutEvents: the entries of a call must be less than 1 MB together. Some partitions are still at 262144.
const DEFAULT_MAX_BYTES = 1_048_576;
// Quota 'event pattern size': 2048 characters until it is raised; the API takes 4096.
const DEFAULT_MAX_PATTERN = 2048;
const LARGEST_PATTERN = 4096;

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
    min: 1_024,
    max: DEFAULT_MAX_BYTES,
    default: DEFAULT_MAX_BYTES,
    says: 'the entries of a call together stay below this; 262144 where the old limit still holds',
  },
  maxPattern: {
    type: 'integer',
    min: 256,
    max: LARGEST_PATTERN,
    default: DEFAULT_MAX_PATTERN,
    says: "characters of a rule's pattern: the account's quota 'event pattern size'",
  },
};

/** Checked options, as eventbridgeOptions describes them. */
export interface EventBridgeOptions {
  readonly bus: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly maxBytes: number;
  readonly maxPattern: number;
}

/** Options that passed checkOptions; what a caller left out gets its default. */
export function toEventBridgeOptions(options: Options): EventBridgeOptions {
  return { maxBytes: DEFAULT_MAX_BYTES, maxPattern: DEFAULT_MAX_PATTERN, ...options } as EventBridgeOptions;
}

/** The region that a bus's ARN names; undefined for a bare name. */
export function regionOfBus(bus: string): string | undefined {
  return ARN.exec(bus)?.[1];
}
