// The typed way to write a router document: defineRouter returns what it is given, checked by the compiler; checkDocument
// checks it again when it is loaded, so that .ts and .json are held to the same rules.

export type Scalar = string | number | boolean | null;

type Bounds = readonly ['=' | '<' | '<=' | '>' | '>=', number] | readonly ['>' | '>=', number, '<' | '<=', number];
type OneOrMany<T> = T | readonly T[];

type IgnoreCase = { readonly 'equals-ignore-case': string };

/** One alternative of a list: a value, or an object of one operator. What each means: docs/rules.md. */
export type Test =
  | Scalar
  | { readonly prefix: string | IgnoreCase }
  | { readonly suffix: string | IgnoreCase }
  | IgnoreCase
  /** A star is any text, also none; '\\*' is a star itself. */
  | { readonly wildcard: string }
  | { readonly numeric: Bounds }
  /** An address block, such as '10.0.0.0/24'. */
  | { readonly cidr: string }
  | { readonly exists: boolean }
  | {
      readonly 'anything-but':
        | OneOrMany<string>
        | OneOrMany<number>
        | { readonly prefix: OneOrMany<string> }
        | { readonly suffix: OneOrMany<string> }
        | { readonly 'equals-ignore-case': OneOrMany<string> }
        | { readonly wildcard: OneOrMany<string> };
    };

/** An EventBridge event pattern over the CloudEvent's JSON form. */
export interface PatternInput {
  readonly $or?: readonly PatternInput[];
  readonly [field: string]: PatternInput | readonly Test[] | readonly PatternInput[] | undefined;
}

/** A CloudEvent in JSON form; extension attributes stand beside the others. */
export interface EventInput {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  /** Bytes in base64, in place of data. */
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** Given this event, these rules match and no others. */
export interface RuleTestInput {
  readonly name: string;
  readonly event: EventInput;
  readonly rules: readonly string[];
}

export interface KafkaInput {
  readonly use: 'kafka';
  /** The library that publishes; 'platformatic' costs less and is an optional package. */
  readonly client?: 'kafkajs' | 'platformatic';
  readonly brokers?: readonly string[];
  readonly ssl?: boolean;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    /** The name of the variable that holds it. */
    readonly password: string;
  };
  readonly topic?: string;
  readonly group?: string;
  readonly retryTopics?: string;
  readonly failuresTopic?: string;
}

export interface EventBridgeInput {
  readonly use: 'eventbridge';
  /** The event bus, by name or ARN. Credentials are found as by every AWS tool. */
  readonly bus: string;
  readonly region?: string;
  /** Of an emulator, such as http://127.0.0.1:4566. */
  readonly endpoint?: string;
  readonly maxBytes?: number;
  /** The account's quota of characters for a rule's pattern, when it was raised. */
  readonly maxPattern?: number;
  /** The account's quota of rules of a bus, when it was raised. */
  readonly maxRules?: number;
  /** The URL of the SQS queue for failures of rules that have none of their own in BUSWAY_FAILURES. */
  readonly failures?: string;
}

export interface EventGridInput {
  readonly use: 'eventgrid';
  /** Of a custom topic, or of a namespace when `topic` is given. */
  readonly endpoint?: string;
  readonly topic?: string;
  readonly subscriptionPrefix?: string;
  /** The names of the variables that hold them; one of key, sas and entra. */
  readonly key?: string;
  readonly sas?: string;
  readonly entra?: boolean;
  /** The blob container that keeps failures and dead letters: https://ACCOUNT.blob.core.windows.net/CONTAINER. */
  readonly failures?: string;
  /** The name of the variable that holds a connection string or a signature for it; not needed with entra. */
  readonly failuresLogin?: string;
  /** Paths into data, such as 'data.order.total', that hold no list of objects in any event. */
  readonly filterable?: readonly string[];
  /** Who may register for push; Event Grid itself if absent. */
  readonly origins?: readonly string[];
}

export interface PubSubInput {
  readonly use: 'pubsub';
  /** GOOGLE_CLOUD_PROJECT if absent. Credentials are found as by every Google tool. */
  readonly project?: string;
  readonly topic?: string;
  /** Regional, such as us-east1-pubsub.googleapis.com, or of an emulator. */
  readonly endpoint?: string;
  readonly subscriptionPrefix?: string;
  /** The service calls, with a token for this audience and of this account; without it subscriptions are pulled. */
  readonly push?: { readonly audience: string; readonly serviceAccount: string };
}

export type BusInput =
  | 'embedded'
  | 'kafka'
  | 'eventgrid'
  | 'pubsub'
  | { readonly use: 'embedded' }
  | KafkaInput
  | EventBridgeInput
  | EventGridInput
  | PubSubInput;

export type SourceInput =
  | { readonly use: 'github' }
  | { readonly use: 'standard-webhooks' }
  | {
      readonly use: 'hmac';
      readonly header: string;
      readonly algorithm?: 'sha1' | 'sha256' | 'sha512';
      readonly encoding?: 'hex' | 'base64';
      readonly prefix?: string;
      readonly id?: string;
      readonly type?: string;
      /** A header that holds the signed time. */
      readonly timestamp?: string;
      /** What is signed, such as 'v0:{timestamp}:{body}'. */
      readonly signs?: string;
    }
  | { readonly use: 'cloudevents'; readonly open?: boolean };

export type TargetInput =
  | {
      readonly http: {
        readonly url: string;
        readonly secret?: string;
        readonly allow?: readonly string[];
        readonly timeoutMs?: number;
      };
    }
  | { readonly slack: { readonly webhook: string; readonly text: string } }
  | { readonly fn: ({ readonly module: string } | { readonly arn: string }) & { readonly timeoutMs?: number } }
  | { readonly log: Readonly<Record<string, never>> };

export interface RuleInput {
  readonly name: string;
  /** A pattern, or a CESQL expression over the attributes. */
  readonly when: PatternInput | string;
  readonly to: TargetInput;
  readonly retry?: { readonly attempts?: number; readonly firstMs?: number; readonly maxMs?: number };
  readonly order?: 'key';
}

/** Where the data of events over the bus's limit goes; such an event travels with a `dataref`, and targets get the whole. */
export interface OversizeInput {
  readonly store:
    | {
        /** For one machine; relative to the document. */
        readonly folder: string;
      }
    | {
        readonly s3: {
          readonly bucket: string;
          /** What the objects' keys begin with, such as 'busway/'. */
          readonly prefix?: string;
          /** AWS_REGION if absent. */
          readonly region?: string;
          /** Of another service that speaks S3. */
          readonly endpoint?: string;
        };
      };
}

export interface RouterInput {
  readonly bus?: BusInput;
  /** Absent: what is over the limit is refused. */
  readonly oversize?: OversizeInput;
  readonly sources?: Readonly<Record<string, SourceInput>>;
  readonly rules?: readonly RuleInput[];
  /** Run by `busway test`; larger ones stand in a file beside this one, such as router.rules.test.ts. */
  readonly tests?: readonly RuleTestInput[];
}

export function defineRouter(document: RouterInput): RouterInput {
  return document;
}

/** The typed way to write the default export of a `*.rules.test.ts` file. */
export function defineRuleTests(tests: readonly RuleTestInput[]): readonly RuleTestInput[] {
  return tests;
}
