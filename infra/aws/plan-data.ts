// What AWS must have for a router, as data: the one thing that the CDK construct and the resources of serverless.yml are made
// from, so that they cannot say different things. Texts with ${AWS::…} are in the notation of CloudFormation's Fn::Sub; no
// other text holds '${'. A secret is a variable's name here, never a value.

export interface AwsBus {
  readonly name: string;
  readonly arn: string;
  /** False for a bus that is there already: 'default', or one that the user gives. */
  readonly made: boolean;
  /** Where the document says that it is. */
  readonly region?: string;
  readonly account?: string;
}

/** A rule of the bus, its queue and what could not be delivered. */
export interface AwsRule {
  /** Its name in the document. */
  readonly rule: string;
  /** Its name on the bus. */
  readonly ruleName: string;
  /** JSON, as PutRule takes it. */
  readonly pattern: string;
  readonly queue: string;
  readonly deadLetterQueue: string;
  readonly visibilitySeconds: number;
  /** Receipts after which SQS itself moves a message to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** Calls of the deliver function at once for this queue. */
  readonly maximumConcurrency: number;
}

export interface AwsGrant {
  readonly actions: readonly string[];
  /** ARNs. */
  readonly on: readonly string[];
  /** Why an ARN ends in a wildcard. */
  readonly why?: string;
}

export interface AwsFunction {
  readonly name: string;
  readonly handler: string;
  /** MB */
  readonly memory: number;
  /** Seconds. */
  readonly timeout: number;
  /** 'POST /webhooks/{source}' */
  readonly routes: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values are secrets. */
  readonly secrets: readonly string[];
  readonly grants: readonly AwsGrant[];
}

export interface AwsSecret {
  readonly variable: string;
  /** What asks for it: 'sources.github' */
  readonly at: string;
  /** any: the stack makes one up. given: it comes from someone else, so it exists already or is filled in by hand. */
  readonly form: 'any' | 'given';
  /** The name or the ARN of one that exists. */
  readonly existing?: string;
}

export interface AwsTable {
  readonly name: string;
  readonly key: string;
  /** The attribute that holds when an item ends, in seconds since the epoch. */
  readonly expires: string;
}

export interface AwsAlarm {
  readonly kind: 'failures' | 'age' | 'errors' | 'throttles';
  readonly of: { readonly rule: string; readonly queue: string } | { readonly function: string };
  readonly metric: string;
  readonly statistic: 'Maximum' | 'Sum';
  /** Alarms above it. */
  readonly threshold: number;
  readonly says: string;
}

/** A topic that Lambda polls for the deliver function, where the bus is a Kafka of one's own. */
export interface AwsKafka {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly group: string;
  /** As Lambda names it; null without a login. */
  readonly authentication: 'BASIC_AUTH' | 'SASL_SCRAM_256_AUTH' | 'SASL_SCRAM_512_AUTH' | null;
}

export interface AwsPlan {
  /** What the names of queues and of the table begin with. */
  readonly prefix: string;
  /** Null where the bus is not of AWS. */
  readonly bus: AwsBus | null;
  readonly rules: readonly AwsRule[];
  readonly functions: readonly AwsFunction[];
  readonly secrets: readonly AwsSecret[];
  readonly table: AwsTable;
  readonly archive: { readonly days: number } | null;
  readonly alarms: readonly AwsAlarm[];
  readonly kafka: AwsKafka | null;
}

/** Messages of one call of the deliver function. */
export const BATCH_SIZE = 10;
/** Of Kafka a batch is done or comes again as a whole, so it is kept small. */
export const KAFKA_BATCH_SIZE = 100;
/** 14 days, the longest that SQS keeps a message. */
export const RETENTION_SECONDS = 1_209_600;
export const ALARM_PERIOD_SECONDS = 300;
