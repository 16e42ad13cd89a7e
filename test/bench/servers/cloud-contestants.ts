// Who publishes to a cloud bus: our adapter, or the service's own SDK used bare by somebody careful. Each gets the same new
// events for each call, their data as bytes. Only Event Grid's SDK gets data that was parsed before: it takes no bytes.

import type { Adapter } from '../../../adapters/adapter.ts';
import { open as openEventBridge } from '../../../adapters/eventbridge/adapter.ts';
import { open as openEventGrid } from '../../../adapters/eventgrid/adapter.ts';
import { open as openPubSub } from '../../../adapters/pubsub/adapter.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { adapterParts, type Publishing, publishBy, sampleEvent } from './publishing.ts';

export const clouds = ['eventbridge', 'pubsub', 'eventgrid'] as const;
export type CloudName = (typeof clouds)[number];

export interface CloudPublisherOptions {
  readonly cloud: CloudName;
  /** `rest`: Google's SDK without gRPC. */
  readonly by: 'adapter' | 'sdk' | 'rest';
  readonly port: number;
  readonly perCall: number;
  /** Base64. */
  readonly body: string;
}

interface Stage {
  /** Of the stub, without a path. */
  readonly url: string;
  readonly host: string;
  readonly perCall: number;
  readonly body: Buffer;
  readonly nextEvents: () => readonly CloudEvent[];
}

type Open = (stage: Stage) => Promise<Publishing>;

const BUS = 'bench';
const PROJECT = 'bench-project';
const TOPIC = 'bench';
const REGION = 'eu-west-1';
const AWS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const AZURE_KEY = Buffer.from('a key of the bench').toString('base64');

function byAdapter(adapter: Adapter, { nextEvents }: Stage): Publishing {
  return { call: () => publishBy(adapter, nextEvents()), close: () => adapter.close() };
}

/** The structured event, spliced by hand. */
function structured({ attributes, data }: CloudEvent): string {
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${data!.bytes.toString()}}`;
}

const eventBridgeAdapter: Open = async (stage) => {
  const env = { AWS_ACCESS_KEY_ID: AWS.accessKeyId, AWS_SECRET_ACCESS_KEY: AWS.secretAccessKey };
  const options = { bus: BUS, region: REGION, endpoint: stage.url };
  return byAdapter(await openEventBridge(options, adapterParts('', env)), stage);
};

const eventBridgeSdk: Open = async ({ url, nextEvents }) => {
  const { EventBridgeClient, PutEventsCommand } = await import('@aws-sdk/client-eventbridge');
  const client = new EventBridgeClient({ region: REGION, endpoint: url, credentials: AWS });
  return {
    async call() {
      const Entries = nextEvents().map((event) => ({
        EventBusName: BUS,
        Source: event.attributes.source,
        DetailType: event.attributes.type,
        Time: new Date(event.attributes.time!),
        Detail: structured(event),
      }));
      const { FailedEntryCount } = await client.send(new PutEventsCommand({ Entries }));
      if (FailedEntryCount !== 0) throw new Error(`${FailedEntryCount} entries failed`);
    },
    close: async () => client.destroy(),
  };
};

/** As the CloudEvents binding for Pub/Sub has it: the structured event, and its attributes beside it. */
function message(event: CloudEvent): { readonly data: Buffer; readonly attributes: Record<string, string> } {
  const attributes: Record<string, string> = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
  for (const [name, value] of Object.entries(event.attributes)) attributes[`ce-${name}`] = String(value);
  return { data: Buffer.from(structured(event)), attributes };
}

const pubSubAdapter: Open = async (stage) => {
  const options = { project: PROJECT, topic: TOPIC, endpoint: stage.url };
  return byAdapter(await openPubSub(options, adapterParts('')), stage);
};

/** A batch leaves when it is full, which it is at each call. */
const pubSubSdk: Open = async ({ host, perCall, nextEvents }) => {
  const { PubSub } = await import('@google-cloud/pubsub');
  // Without a universe it looks for a metadata server, though nobody logs in.
  const clientOptions = { universeDomain: 'googleapis.com' };
  const pubsub = new PubSub({ projectId: PROJECT, apiEndpoint: host, emulatorMode: true, clientOptions });
  const topic = pubsub.topic(TOPIC, { batching: { maxMessages: perCall, maxMilliseconds: 1_000 } });
  return {
    async call() {
      await Promise.all(nextEvents().map((event) => topic.publishMessage(message(event))));
    },
    close: () => pubsub.close(),
  };
};

const pubSubRest: Open = async ({ url, nextEvents }) => {
  const { v1 } = await import('@google-cloud/pubsub');
  const { port } = new URL(url);
  const getRequestHeaders = async (): Promise<Headers> => new Headers();
  const auth = {
    getClient: async () => ({ getRequestHeaders }),
    getRequestHeaders,
    getProjectId: async () => PROJECT,
    getUniverseDomain: async () => 'googleapis.com',
    fetch: (input: string, init: RequestInit) => fetch(input, init),
  };
  const options = { fallback: true, protocol: 'http', apiEndpoint: '127.0.0.1', port: Number(port), auth };
  // Its type knows only Google's own login, which would ask a metadata server.
  const client = new v1.PublisherClient(options as unknown as ConstructorParameters<typeof v1.PublisherClient>[0]);
  const topic = `projects/${PROJECT}/topics/${TOPIC}`;
  return {
    async call() {
      await client.publish({ topic, messages: nextEvents().map(message) });
    },
    close: () => client.close(),
  };
};

const eventGridAdapter: Open = async (stage) => {
  return byAdapter(await openEventGrid({ endpoint: stage.url }, adapterParts('', { EVENTGRID_KEY: AZURE_KEY })), stage);
};

const eventGridSdk: Open = async ({ url, body, nextEvents }) => {
  const { AzureKeyCredential, EventGridPublisherClient } = await import('@azure/eventgrid');
  const credential = new AzureKeyCredential(AZURE_KEY);
  const client = new EventGridPublisherClient(`${url}/api/events`, 'CloudEvent', credential, {
    allowInsecureConnection: true,
  });
  const data = JSON.parse(body.toString()) as object;
  return {
    async call() {
      const events = nextEvents().map(({ attributes }) => {
        const { id, source, type, subject, time, datacontenttype, specversion: _, ...extensionAttributes } = attributes;
        const when = new Date(time!);
        return {
          id,
          source,
          type,
          subject: subject!,
          time: when,
          datacontenttype: datacontenttype!,
          data,
          extensionAttributes,
        };
      });
      await client.send(events);
    },
    close: async () => undefined,
  };
};

const opens: Readonly<Record<CloudName, { readonly adapter: Open; readonly sdk: Open; readonly rest?: Open }>> = {
  eventbridge: { adapter: eventBridgeAdapter, sdk: eventBridgeSdk },
  pubsub: { adapter: pubSubAdapter, sdk: pubSubSdk, rest: pubSubRest },
  eventgrid: { adapter: eventGridAdapter, sdk: eventGridSdk },
};

export async function openCloudPublisher({
  cloud,
  by,
  port,
  perCall,
  body,
}: CloudPublisherOptions): Promise<Publishing> {
  const open = opens[cloud][by];
  if (open === undefined) throw new Error(`${cloud} has no contestant '${by}'`);
  const bytes = Buffer.from(body, 'base64');
  const parsed: unknown = JSON.parse(bytes.toString());
  let next = 0;
  // New ones for each call: what an adapter remembers of an event would else be a gift.
  const nextEvents = () => Array.from({ length: perCall }, () => sampleEvent(next++, bytes, parsed));
  const host = `127.0.0.1:${port}`;
  return open({ url: `http://${host}`, host, perCall, body: bytes, nextEvents });
}
