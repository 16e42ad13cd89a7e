// The event subscriptions of rules, written out for both tiers; names that change with the filter and with nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, ruleSubscription } from '../../../adapters/eventgrid/definitions.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { toEventGridOptions } from '../../../adapters/eventgrid/options.ts';
import { ruleOf } from './scene.ts';

const rule = ruleOf('placed', { type: ['order.placed'], subject: [{ prefix: '/eu/' }] });
const parts = {
  deadLetters: { storageId: 'ID', container: 'dead' },
  push: { url: 'https://x.example/p', secret: 'S' },
};
const custom = toEventGridOptions({ endpoint: 'https://shop.westeurope-1.eventgrid.azure.net' });
const namespace = toEventGridOptions({ topic: 'orders' });
const blobs = { endpointType: 'StorageBlob', properties: { resourceId: 'ID', blobContainerName: 'dead' } };

test('eventgrid definitions: a custom topic pushes with a secret, its own curve of retries and dead letters', () => {
  const { native } = compileEventGrid(rule.when, { tier: 'topic', filterable: [] });

  assert.deepEqual(ruleSubscription(rule, { ...parts, options: custom }), {
    name: subscriptionName('busway', 'placed', native),
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0',
      destination: {
        endpointType: 'WebHook',
        properties: {
          endpointUrl: 'https://x.example/p',
          deliveryAttributeMappings: [
            { name: 'x-busway-secret', type: 'Static', properties: { value: 'S', isSecret: true } },
          ],
        },
      },
      filter: {
        includedEventTypes: ['order.placed'],
        subjectBeginsWith: '/eu/',
        isSubjectCaseSensitive: true,
        enableAdvancedFilteringOnArrays: true,
      },
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1_440 },
      deadLetterDestination: blobs,
    },
  });
});

test('eventgrid definitions: a namespace topic is a queue with the shortest lock, and dead letters by its identity', () => {
  const { native } = compileEventGrid(rule.when, { tier: 'namespace', filterable: [] });

  assert.deepEqual(ruleSubscription(rule, { ...parts, options: namespace }), {
    name: subscriptionName('busway', 'placed', native),
    properties: {
      eventDeliverySchema: 'CloudEventSchemaV1_0',
      deliveryConfiguration: {
        deliveryMode: 'Queue',
        queue: {
          receiveLockDurationInSeconds: 60,
          maxDeliveryCount: 10,
          deadLetterDestinationWithResourceIdentity: {
            identity: { type: 'SystemAssigned' },
            deadLetterDestination: blobs,
          },
        },
      },
      filtersConfiguration: native,
    },
  });
});

test('eventgrid definitions: a rule of which nothing is filtered there has a subscription without a filter', () => {
  const all = ruleOf('all', { data: { total: [{ numeric: ['>', 1] }] } });

  assert.deepEqual(
    [custom, namespace].map((options) => {
      const { properties } = ruleSubscription(all, { ...parts, options });
      return 'filter' in properties ? properties.filter : properties.filtersConfiguration;
    }),
    [{}, {}],
  );
});

test('eventgrid definitions: a name changes with the filter, and not with what the filter does not say', () => {
  const other = ruleOf('placed', { type: ['order.cancelled'], subject: [{ prefix: '/eu/' }] });
  const more = ruleOf('placed', { type: ['order.placed'], subject: [{ prefix: '/eu/' }], data: { total: [1] } });

  assert.notEqual(nameOf(rule, custom), nameOf(other, custom));
  assert.equal(nameOf(rule, custom), nameOf(more, custom));
  assert.match(nameOf(ruleOf('x'.repeat(64), { type: ['t'] }), namespace), /^[A-Za-z0-9-]{3,50}$/);
});
