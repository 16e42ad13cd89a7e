// The option table of the Event Grid bus. Pure; loaded by the registry and by infra.
// Names: Azure resource naming rules (event subscriptions 3 to 64 letters, digits and hyphens; namespace topics 3 to 50).

import type { Options, OptionTable } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';

export const eventgridDefaults = {
  subscriptionPrefix: 'busway',
  entra: false,
  filterable: [],
  origins: ['eventgrid.azure.net'],
};

const TOPIC = /^[A-Za-z0-9-]{3,50}$/;
const PREFIX = /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/;
// Names that need no escape: Event Grid has none. A '$' or a dot inside a name cannot be addressed at all.
const DATA_PATH = /^data(?:\.[A-Za-z0-9_-]{1,64}){1,16}$/;
// 3 to 63 characters, no hyphen beside another.
const CONTAINER = /^(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;
const ORIGIN = /^[A-Za-z0-9.-]{1,253}$/;

function checkTopic(name: string): string | undefined {
  return TOPIC.test(name) ? undefined : 'must be 3 to 50 letters, digits or hyphens';
}

function checkPrefix(prefix: string): string | undefined {
  return PREFIX.test(prefix)
    ? undefined
    : 'must be 1 to 20 letters, digits or hyphens and begin with a letter or a digit';
}

export function checkEndpoint(endpoint: string): string | undefined {
  const due = 'must be a url such as https://orders.westeurope-1.eventgrid.azure.net, without user, query or fragment';
  if (!URL.canParse(endpoint)) return due;
  const { protocol, username, password, search, hash } = new URL(endpoint);
  const plain = username === '' && password === '' && search === '' && hash === '';
  return plain && (protocol === 'https:' || protocol === 'http:') ? undefined : due;
}

function checkPath(path: string): string | undefined {
  return DATA_PATH.test(path) ? undefined : 'must be a path into data, such as data.order.total';
}

/** The account's host and the container; emulators have the account as the first part of the path. */
function checkContainer(url: string): string | undefined {
  const path = checkEndpoint(url) === undefined ? new URL(url).pathname.split('/').slice(1) : [];
  if ((path.length === 1 || path.length === 2) && CONTAINER.test(path.at(-1)!)) return undefined;
  return 'must be the url of a blob container, such as https://shop.blob.core.windows.net/busway-failures; a signature stands in the variable that failuresLogin names';
}

function checkOrigin(origin: string): string | undefined {
  return ORIGIN.test(origin) ? undefined : 'must be a host name such as eventgrid.azure.net';
}

export const eventgridOptions: OptionTable = {
  endpoint: {
    type: 'string',
    check: checkEndpoint,
    says: 'of the custom topic or the namespace; EVENTGRID_ENDPOINT if absent',
  },
  topic: { type: 'string', check: checkTopic, says: 'a topic of the namespace at endpoint; absent for a custom topic' },
  subscriptionPrefix: {
    type: 'string',
    check: checkPrefix,
    default: eventgridDefaults.subscriptionPrefix,
    says: 'first part of the names of the event subscriptions, one a rule',
  },
  key: { type: 'env', says: 'the variable that holds an access key; EVENTGRID_KEY if no login is given' },
  sas: { type: 'env', says: 'the variable that holds a shared access signature' },
  entra: { type: 'boolean', default: eventgridDefaults.entra, says: "log in by the host's managed identity" },
  failures: {
    type: 'string',
    check: checkContainer,
    says: 'the blob container that keeps what could not be delivered; Event Grid puts its dead letters there too',
  },
  failuresLogin: {
    type: 'env',
    says: 'the variable that holds a connection string or a shared access signature for it; entra does without',
  },
  filterable: {
    type: 'strings',
    check: checkPath,
    says: 'paths into data that the bus may filter by; an event with a list of objects there is refused',
  },
  origins: {
    type: 'strings',
    check: checkOrigin,
    default: eventgridDefaults.origins,
    says: 'who may register for push in the CloudEvents handshake',
  },
};

/** Checked options, as eventgridOptions describes them. */
export interface EventGridOptions {
  readonly endpoint?: string;
  readonly topic?: string;
  readonly subscriptionPrefix: string;
  /** Names of variables, never secrets. */
  readonly key?: string;
  readonly sas?: string;
  readonly entra: boolean;
  readonly failures?: string;
  /** The name of a variable too. */
  readonly failuresLogin?: string;
  readonly filterable: readonly string[];
  readonly origins: readonly string[];
}

/** Options that passed checkOptions; what a caller left out gets its default. */
export function toEventGridOptions(options: Options): EventGridOptions {
  return { ...eventgridDefaults, ...options } as EventGridOptions;
}

/** Throws CONFIG_INVALID: data that lies in a store no filter sees, and a filter that asks for it would lose the event. */
export function refuseFilterable({ filterable = [] }: Partial<EventGridOptions>): void {
  if (filterable.length === 0) return;
  const says = "'filterable' of the bus and 'oversize' of the document exclude each other: take one of them out";
  throw new RouterError('CONFIG_INVALID', `eventgrid: ${says}; data in a store is out of sight of a filter`);
}
