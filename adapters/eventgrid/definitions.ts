// What must exist on Event Grid for a document's rules: an event subscription each, as Azure Resource Manager takes it. Pure;
// nothing is ever made from here. A changed filter is another name, so that the old subscription can be drained first.
// Source: Microsoft.EventGrid 2025-02-15, topics/eventSubscriptions and namespaces/topics/eventSubscriptions (types and REST
// reference, read 2026-11-21).

import type { Condition } from '../../router/condition.ts';
import {
  compileEventGrid,
  type FilterSettings,
  type NamespaceFilter,
  subscriptionName,
  type TopicFilter,
} from './filter.ts';
import type { EventGridOptions } from './options.ts';

/** A rule as far as its subscription goes; a checked Rule is one. */
export interface DefinedRule {
  readonly name: string;
  readonly when: Condition;
}

/** Where Event Grid puts what it gives up: the id of a storage account, and a container in it. */
export interface DeadLetters {
  readonly storageId: string;
  readonly container: string;
}

/** Where a custom topic pushes: the push function's url, and the secret that it asks for (BUSWAY_PUSH_SECRET). */
export interface PushTo {
  readonly url: string;
  readonly secret: string;
}

interface BlobDestination {
  readonly endpointType: 'StorageBlob';
  readonly properties: { readonly resourceId: string; readonly blobContainerName: string };
}

/** Of a custom topic: properties of Microsoft.EventGrid/topics/eventSubscriptions. */
export interface PushedProperties {
  readonly eventDeliverySchema: 'CloudEventSchemaV1_0';
  readonly destination: object;
  readonly filter: TopicFilter;
  readonly retryPolicy: { readonly maxDeliveryAttempts: number; readonly eventTimeToLiveInMinutes: number };
  readonly deadLetterDestination: BlobDestination;
}

/** Of a namespace topic: properties of Microsoft.EventGrid/namespaces/topics/eventSubscriptions. */
export interface PulledProperties {
  readonly eventDeliverySchema: 'CloudEventSchemaV1_0';
  readonly deliveryConfiguration: { readonly deliveryMode: 'Queue'; readonly queue: object };
  readonly filtersConfiguration: NamespaceFilter;
}

export interface SubscriptionDefinition {
  readonly name: string;
  readonly properties: PushedProperties | PulledProperties;
}

export interface DefinitionParts {
  readonly options: EventGridOptions;
  readonly deadLetters: DeadLetters;
  readonly push: PushTo;
}

const SCHEMA = 'CloudEventSchemaV1_0';
// The most there is: a rule's own attempts end long before, in a failure record. What Event Grid gives up is the last net.
const PUSH_ATTEMPTS = 30;
const PUSH_MINUTES = 1_440;
const PULL_DELIVERIES = 10;
// The shortest lock; it is renewed while a delivery is under way (pull.ts).
const LOCK_S = 60;

export function settingsOf({ topic, filterable }: EventGridOptions): FilterSettings {
  return { tier: topic === undefined ? 'topic' : 'namespace', filterable };
}

/** The name of a rule's subscription under these options. */
export function nameOf({ name, when }: DefinedRule, options: EventGridOptions): string {
  return subscriptionName(options.subscriptionPrefix, name, compileEventGrid(when, settingsOf(options)).native);
}

function blobs({ storageId, container }: DeadLetters): BlobDestination {
  return { endpointType: 'StorageBlob', properties: { resourceId: storageId, blobContainerName: container } };
}

function pushed(filter: TopicFilter, { deadLetters, push }: DefinitionParts): PushedProperties {
  const secret = { name: 'x-busway-secret', type: 'Static', properties: { value: push.secret, isSecret: true } };
  return {
    eventDeliverySchema: SCHEMA,
    destination: {
      endpointType: 'WebHook',
      properties: { endpointUrl: push.url, deliveryAttributeMappings: [secret] },
    },
    filter,
    retryPolicy: { maxDeliveryAttempts: PUSH_ATTEMPTS, eventTimeToLiveInMinutes: PUSH_MINUTES },
    deadLetterDestination: blobs(deadLetters),
  };
}

/** How long events are kept is left to the topic: a subscription cannot keep them longer. */
function pulled(filter: NamespaceFilter, { deadLetters }: DefinitionParts): PulledProperties {
  return {
    eventDeliverySchema: SCHEMA,
    deliveryConfiguration: {
      deliveryMode: 'Queue',
      queue: {
        receiveLockDurationInSeconds: LOCK_S,
        maxDeliveryCount: PULL_DELIVERIES,
        deadLetterDestinationWithResourceIdentity: {
          identity: { type: 'SystemAssigned' },
          deadLetterDestination: blobs(deadLetters),
        },
      },
    },
    filtersConfiguration: filter,
  };
}

/** The subscription of one rule; which tier it is for is told by the options' topic. */
export function ruleSubscription(rule: DefinedRule, parts: DefinitionParts): SubscriptionDefinition {
  const { options } = parts;
  const { native } = compileEventGrid(rule.when, settingsOf(options));
  const filter = native ?? {};
  return {
    name: nameOf(rule, options),
    properties: options.topic === undefined ? pushed(filter, parts) : pulled(filter as NamespaceFilter, parts),
  };
}
