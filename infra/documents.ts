// What must exist on a bus for the rules of a document, as JSON for the tools of its cloud: `busway dev` prints what is
// missing of it, a deployment writes it. Pure, and the same for the same document. EventBridge has none: its rules are made
// with the functions they feed, by the stack.

import {
  type SubscriptionDefinition as EventSubscription,
  ruleSubscription,
} from '../adapters/eventgrid/definitions.ts';
import { toEventGridOptions } from '../adapters/eventgrid/options.ts';
import { type Definitions, definitions } from '../adapters/pubsub/definitions.ts';
import { toPubSubOptions } from '../adapters/pubsub/options.ts';
import { isObject } from '../router/config.ts';
import type { RouterDocument } from '../router/document.ts';

export type BusAndRules = Pick<RouterDocument, 'bus' | 'rules'>;

export interface PubSubPlace {
  /** The project's id. */
  readonly project: string;
  /** The url of the push function; without it the subscriptions are pulled. */
  readonly pushEndpoint?: string;
}

/** Topics and subscriptions, each the body of `PUT https://pubsub.googleapis.com/v1/<its name>`. */
export function pubsubDocument({ bus, rules }: BusAndRules, { project, pushEndpoint }: PubSubPlace): Definitions {
  const options = toPubSubOptions(bus.options);
  return definitions(rules, { project, options, ...(pushEndpoint === undefined ? {} : { pushEndpoint }) });
}

export interface EventGridPlace {
  /** Of the custom topic or the namespace, where the bus does not name it. Their names are read from it. */
  readonly endpoint?: string;
}

interface Parameter {
  readonly type: 'string' | 'securestring';
  readonly defaultValue?: string;
  readonly metadata: { readonly description: string };
}

interface Resource extends EventSubscription {
  readonly type: string;
  readonly apiVersion: string;
}

/** For `az deployment group create --template-file`. */
export interface ArmTemplate {
  readonly $schema: string;
  readonly contentVersion: string;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly resources: readonly Resource[];
}

const SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#';
const API = '2025-02-15';
const DEFAULT_CONTAINER = 'busway-failures';
/** <name of the topic or the namespace>.<region>-1.eventgrid.azure.net */
const AZURE_HOST = /^([A-Za-z0-9-]{3,50})\.[a-z0-9-]+\.eventgrid\.azure\.net$/;
const BLOB_CONTAINER = /^https:\/\/([a-z0-9]{3,24})\.blob\.core\.windows\.net\/([a-z0-9-]{3,63})\/?$/;

/** A text in brackets would be taken for an expression; a second bracket says that it is none. */
function literal(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith('[') && value.endsWith(']') ? `[${value}` : value;
  if (Array.isArray(value)) return value.map(literal);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, literal(member)]));
}

/** Only the filter is written by people; all else is ours. */
function literalFilter({ name, properties }: EventSubscription): EventSubscription {
  if ('filter' in properties) {
    return { name, properties: { ...properties, filter: literal(properties.filter) as typeof properties.filter } };
  }
  const filtersConfiguration = literal(properties.filtersConfiguration) as typeof properties.filtersConfiguration;
  return { name, properties: { ...properties, filtersConfiguration } };
}

function parameter(
  description: string,
  defaultValue: string | undefined,
  type: Parameter['type'] = 'string',
): Parameter {
  return { type, ...(defaultValue === undefined ? {} : { defaultValue }), metadata: { description } };
}

/** The first label of an Azure host; a domain of one's own, or an emulator, has no such name. */
function azureName(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || !URL.canParse(endpoint)) return undefined;
  return AZURE_HOST.exec(new URL(endpoint).hostname)?.[1];
}

function parametersOf({ bus }: BusAndRules, endpoint: string | undefined): Readonly<Record<string, Parameter>> {
  const { topic } = toEventGridOptions(bus.options);
  const [, account, container = DEFAULT_CONTAINER] = BLOB_CONTAINER.exec(String(bus.options['failures'] ?? '')) ?? [];
  const storage = account === undefined ? undefined : `[resourceId('Microsoft.Storage/storageAccounts', '${account}')]`;
  const failures = {
    storageId: parameter('Id of the storage account for what cannot be delivered.', storage),
    container: parameter('The container in it.', container),
  };
  if (topic !== undefined) {
    const identity =
      'The namespace. Its system identity writes what cannot be delivered: Storage Blob Data Contributor.';
    return { namespace: parameter(identity, azureName(endpoint)), ...failures };
  }
  return {
    topic: parameter('The custom topic.', azureName(endpoint)),
    pushUrl: parameter('The url of the push function.', undefined, 'securestring'),
    pushSecret: parameter('What BUSWAY_PUSH_SECRET holds there.', undefined, 'securestring'),
    ...failures,
  };
}

/** The event subscriptions, on a topic that is there already; what only the owner of the subscription knows is a parameter. */
export function eventgridDocument(document: BusAndRules, place: EventGridPlace = {}): ArmTemplate {
  const options = toEventGridOptions(document.bus.options);
  const given = (name: string): string => `[parameters('${name}')]`;
  const parts = {
    options,
    deadLetters: { storageId: given('storageId'), container: given('container') },
    push: { url: given('pushUrl'), secret: given('pushSecret') },
  };
  const { topic } = options;
  const type =
    topic === undefined
      ? 'Microsoft.EventGrid/topics/eventSubscriptions'
      : 'Microsoft.EventGrid/namespaces/topics/eventSubscriptions';
  const parent = topic === undefined ? "parameters('topic')" : `parameters('namespace'), '/${topic}'`;
  return {
    $schema: SCHEMA,
    contentVersion: '1.0.0.0',
    parameters: parametersOf(document, options.endpoint ?? place.endpoint),
    resources: document.rules.map((rule) => {
      const { name, properties } = literalFilter(ruleSubscription(rule, parts));
      return { type, apiVersion: API, name: `[concat(${parent}, '/${name}')]`, properties };
    }),
  };
}
