// The option table of the Pub/Sub bus, and the service's own limits. Pure; loaded by the registry.
// Sources: google/pubsub/v1/pubsub.proto (names, deadlines), the "Quotas and limits" page (sizes), read 21 Nov 2026.

import type { Options, OptionTable } from '../../router/config.ts';

export const pubsubDefaults = { topic: 'busway.events', subscriptionPrefix: 'busway' };

/** What the service takes; it refuses a whole request for one message that is over. */
export const serviceLimits = {
  messagesPerCall: 1_000,
  /** 10 MB. Counted in decimal megabytes and as the REST body holds it, so that it is right in every reading. */
  callBytes: 10_000_000,
  attributes: 100,
  attributeKeyBytes: 256,
  attributeValueBytes: 1_024,
  orderingKeyBytes: 1_024,
  filterBytes: 256,
  ackDeadlineSeconds: { min: 10, max: 600 },
  deliveryAttempts: { min: 5, max: 100 },
};

// A failure record is an event and a few attributes more, and must fit where its event did.
const RECORD_BYTES = 8_000;
const maxBytes = serviceLimits.callBytes - RECORD_BYTES;

/** What a publish takes, in bytes of the REST body. */
export const publishLimits = { events: serviceLimits.messagesPerCall, callBytes: maxBytes, eventBytes: maxBytes };

const RESOURCE = /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;
// A rule's name of up to 64, a hash of 12 and two hyphens have to fit beside it into 255.
// Without '~', which ends it in the names of subscriptions.
const PREFIX = /^(?!goog)[A-Za-z][A-Za-z0-9._+%-]{0,99}$/;
const PROJECT = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,61}[a-z0-9]$/;
const ENDPOINT = /^(?:(https?):\/\/)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\/?$/;
const EMAIL = /^[^\s@]+@[^\s@]+$/;

function checkTopic(name: string): string | undefined {
  if (RESOURCE.test(name)) return undefined;
  return 'must be the name of a topic without its project: 3 to 255 letters, digits, - . _ ~ + %, a letter first, not goog';
}

function checkPrefix(prefix: string): string | undefined {
  if (PREFIX.test(prefix)) return undefined;
  return 'must be 1 to 100 letters, digits, - . _ + %, a letter first, not goog';
}

export function checkProject(project: string): string | undefined {
  return PROJECT.test(project) ? undefined : 'must be the id of a project, such as my-project-1';
}

function checkEndpoint(endpoint: string): string | undefined {
  const port = ENDPOINT.exec(endpoint)?.[3];
  if (ENDPOINT.test(endpoint) && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)))
    return undefined;
  return 'must be a host, host:port or http(s)://host:port, such as us-east1-pubsub.googleapis.com';
}

function checkServiceAccount(email: string): string | undefined {
  return EMAIL.test(email) ? undefined : 'must be the email of a service account';
}

export const pubsubOptions: OptionTable = {
  project: { type: 'string', check: checkProject, says: 'the project of the topic; GOOGLE_CLOUD_PROJECT if absent' },
  topic: { type: 'string', check: checkTopic, default: pubsubDefaults.topic, says: 'where events are published' },
  endpoint: {
    type: 'string',
    check: checkEndpoint,
    says: 'a regional endpoint or an emulator; PUBSUB_EMULATOR_HOST, else pubsub.googleapis.com',
  },
  subscriptionPrefix: {
    type: 'string',
    check: checkPrefix,
    default: pubsubDefaults.subscriptionPrefix,
    says: 'first part of the names of the subscriptions and of the failures topic',
  },
  push: {
    type: 'object',
    says: 'the service calls us instead of being asked; without it subscriptions are pulled',
    fields: {
      audience: { type: 'string', required: true, says: 'what a push token must be made for' },
      serviceAccount: {
        type: 'string',
        required: true,
        check: checkServiceAccount,
        says: 'the account whose tokens are taken',
      },
    },
  },
};

export interface PushOptions {
  readonly audience: string;
  readonly serviceAccount: string;
}

/** Checked options, as pubsubOptions describes them. */
export interface PubSubOptions {
  readonly project?: string;
  readonly topic: string;
  readonly endpoint?: string;
  readonly subscriptionPrefix: string;
  readonly push?: PushOptions;
}

/** Options that passed checkOptions; what a caller left out gets its default. */
export function toPubSubOptions(options: Options): PubSubOptions {
  return { ...pubsubDefaults, ...options } as PubSubOptions;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Without TLS nothing secret is sent, but to this machine. */
  readonly tls: boolean;
}

/** "http://127.0.0.1:8085" → its parts; undefined when it is no endpoint. `plain` is for names without a scheme. */
export function readEndpoint(text: string, plain: 'tls' | 'clear'): Endpoint | undefined {
  const match = ENDPOINT.exec(text);
  if (match === null || checkEndpoint(text) !== undefined) return undefined;
  const [, scheme = plain === 'tls' ? 'https' : 'http', host, port] = match;
  const tls = scheme === 'https';
  return { host: host!, port: port === undefined ? (tls ? 443 : 80) : Number(port), tls };
}

export function isLoopback({ host }: Endpoint): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.[0-9.]+$/.test(host);
}
