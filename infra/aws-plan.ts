// A router document and the list of functions -> what AWS must have (AwsPlan). Pure, and the same for the same input: the CDK
// construct, the resources of serverless.yml and `busway deploy` are all made from it. Every mistake is told at once.

import { type EventBridgeOptions, regionOfBus, toEventBridgeOptions } from '../adapters/eventbridge/options.ts';
import { deadLetterQueueName, queueName } from '../adapters/eventbridge/queues.ts';
import { s3UriPrefix, toS3Options } from '../adapters/oversize/options.ts';
import type { Problem } from '../router/config.ts';
import type { RouterDocument, Survey } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import type { Rule } from '../router/rule.ts';
import { alarmsOf } from './aws/alarms.ts';
import { checkForAws, type FunctionFacts, neededFunctions } from './aws/checks.ts';
import { grantsOf } from './aws/grants.ts';
import { kafkaSourceOf } from './aws/kafka.ts';
import { type PatternLimits, patternOf } from './aws/pattern.ts';
import type { AwsBus, AwsFunction, AwsPlan, AwsRule, AwsTable } from './aws/plan-data.ts';
import { neededSecrets } from './aws/secrets.ts';

export interface AwsSettings {
  /** What the names of queues and of the table begin with: 1 to 32 letters, digits, '_' and '-'. */
  readonly prefix: string;
  /** The bus is there already. */
  readonly busExists?: boolean;
  /** Calls of the deliver function at once for each rule, 2 to 1000; 10 if absent. */
  readonly maximumConcurrency?: number;
  /** For how many days the bus's archive keeps events; 30 if absent, 0 for no archive. */
  readonly archiveDays?: number;
  /** Variable -> the name or the ARN of a secret that exists. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export interface AwsSurvey {
  /** As far as the document is sound. */
  readonly plan: AwsPlan;
  readonly problems: readonly Problem[];
}

const PREFIX = /^[A-Za-z0-9_-]{1,32}$/;
const DEFAULT_CONCURRENCY = 10;
const DEFAULT_ARCHIVE_DAYS = 30;
// "To allow your function time to process each batch of records, set the source queue's visibility timeout to at least six
// times the function timeout." Lambda guide, "Using Lambda with Amazon SQS" (read 2026-11-21).
const VISIBILITY_TIMES = 6;
const MAX_VISIBILITY_SECONDS = 43_200;
// Receipts for which nothing was tried count for SQS too: all slots of a target taken, a function without room.
const SPARE_RECEIPTS = 10;

function checkSettings(settings: AwsSettings, problems: Problem[]): void {
  const { prefix, maximumConcurrency = DEFAULT_CONCURRENCY, archiveDays = DEFAULT_ARCHIVE_DAYS } = settings;
  const isBetween = (value: number, min: number, max: number): boolean =>
    Number.isInteger(value) && value >= min && value <= max;
  if (!PREFIX.test(prefix)) {
    problems.push({ path: 'prefix', says: "must be 1 to 32 letters, digits, '_' and '-'" });
  }
  if (!isBetween(maximumConcurrency, 2, 1_000)) {
    problems.push({
      path: 'maximumConcurrency',
      says: `must be an integer from 2 to 1000, found ${maximumConcurrency}`,
    });
  }
  if (!isBetween(archiveDays, 0, 36_500)) {
    problems.push({ path: 'archiveDays', says: `must be an integer from 0 to 36500, found ${archiveDays}` });
  }
}

function limitsOf({ bus, oversize }: RouterDocument): PatternLimits {
  const maxPattern = bus.kind === 'eventbridge' ? toEventBridgeOptions(bus.options).maxPattern : undefined;
  const uriPrefix = oversize?.store.kind === 's3' ? s3UriPrefix(toS3Options(oversize.store.options)) : undefined;
  return { ...(maxPattern === undefined ? {} : { maxPattern }), uriPrefix };
}

function busOf({ bus }: RouterDocument, { busExists = false }: AwsSettings): AwsBus | null {
  if (bus.kind !== 'eventbridge') return null;
  const { bus: given = '', region: option } = toEventBridgeOptions(bus.options) as Partial<EventBridgeOptions>;
  const region = regionOfBus(given) ?? option;
  const isArn = given.startsWith('arn:');
  const name = isArn ? given.replace(/^.*?:event-bus\//, '') : given;
  const own = `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:event-bus/${name}`;
  return {
    name,
    arn: isArn ? given : own,
    made: !busExists && name !== 'default',
    ...(region === undefined ? {} : { region }),
    ...(isArn ? { account: given.split(':')[4]! } : {}),
  };
}

interface RuleParts {
  readonly settings: AwsSettings;
  readonly limits: PatternLimits;
  /** Seconds; of the deliver function. */
  readonly timeout: number;
}

function ruleOf({ name, when, retry }: Rule, { settings, limits, timeout }: RuleParts): AwsRule {
  const { prefix, maximumConcurrency = DEFAULT_CONCURRENCY } = settings;
  return {
    rule: name,
    ruleName: name,
    pattern: patternOf(when, limits),
    queue: queueName(prefix, name),
    deadLetterQueue: deadLetterQueueName(prefix, name),
    visibilitySeconds: Math.min(MAX_VISIBILITY_SECONDS, VISIBILITY_TIMES * timeout),
    maxReceiveCount: retry.attempts + SPARE_RECEIPTS,
    maximumConcurrency,
  };
}

const SOURCE_MAPS = '--enable-source-maps';
// Lambda quota, read 2026-11-21.
const MAX_ENVIRONMENT = 4_096;
const SECRET_ARN_BYTES = 140;

/** About: of what only AWS knows the length is not known here. */
function checkEnvironment({ name, environment, secrets }: AwsFunction, problems: Problem[]): void {
  const texts = Object.entries(environment).reduce((sum, [key, text]) => sum + key.length + text.length, 0);
  const bytes = secrets.reduce((sum, variable) => sum + variable.length + SECRET_ARN_BYTES, texts);
  if (bytes <= MAX_ENVIRONMENT) return;
  const says = `its variables take about ${bytes} bytes and Lambda allows ${MAX_ENVIRONMENT}; ${secrets.length} are secrets`;
  problems.push({ path: `functions.${name}`, says: `${says}: split the document` });
}

function environmentOf(name: string, bus: AwsBus | null, { prefix, table }: { prefix: string; table: AwsTable }) {
  const queues = { BUSWAY_QUEUE_PREFIX: prefix, BUSWAY_ACCOUNT: `\${AWS::AccountId}` };
  return {
    NODE_OPTIONS: SOURCE_MAPS,
    ...(name === 'webhook' ? { BUSWAY_SEEN_TABLE: table.name } : {}),
    ...(name !== 'webhook' && bus !== null ? queues : {}),
  };
}

/** What is sound of the document, and everything that keeps it from running on AWS. */
export function surveyAws(survey: Survey, functions: readonly FunctionFacts[], settings: AwsSettings): AwsSurvey {
  const { document } = survey;
  const problems: Problem[] = [...survey.problems];
  checkSettings(settings, problems);
  const limits = limitsOf(document);
  checkForAws({ survey, functions, limits }, problems);
  const secrets = neededSecrets(survey, settings.secrets ?? {}, problems);
  const { prefix, archiveDays = DEFAULT_ARCHIVE_DAYS } = settings;
  const bus = busOf(document, settings);
  const table: AwsTable = { name: `${prefix}-seen`, key: 'pk', expires: 'expires' };
  const made = functions
    .filter(({ name }) => neededFunctions(document.bus.kind).includes(name))
    .map(
      ({ name, memory, timeout, routes }): AwsFunction => ({
        name,
        memory,
        timeout,
        routes,
        handler: 'index.handler',
        environment: environmentOf(name, bus, { prefix, table }),
        secrets: secrets.of(name),
        grants: grantsOf(name, { prefix, bus, table, document }),
      }),
    );
  for (const one of made) checkEnvironment(one, problems);
  const timeout = functions.find(({ name }) => name === 'deliver')?.timeout ?? 0;
  const rules = bus === null ? [] : document.rules.map((rule) => ruleOf(rule, { settings, limits, timeout }));
  const plan: AwsPlan = {
    prefix,
    bus,
    rules,
    functions: made,
    secrets: secrets.secrets,
    table,
    archive: bus === null || archiveDays === 0 ? null : { days: archiveDays },
    alarms: alarmsOf(rules, made),
    kafka: kafkaSourceOf(document),
  };
  return { plan, problems };
}

/** Throws DOCUMENT_INVALID whose message lists every problem, one a line. */
export function soundPlan({ plan, problems }: AwsSurvey): AwsPlan {
  if (problems.length === 0) return plan;
  const lines = problems.map(({ path, says }) => (path === '' ? says : `${path}: ${says}`));
  const count = lines.length === 1 ? 'a mistake stands' : `${lines.length} mistakes stand`;
  throw new RouterError('DOCUMENT_INVALID', `${count} in the way of this router on AWS\n  ${lines.join('\n  ')}`, {
    problems,
  });
}

/** For a document that was checked. Throws as soundPlan. */
export function awsPlan(document: RouterDocument, functions: readonly FunctionFacts[], settings: AwsSettings): AwsPlan {
  const places = new Map(document.rules.map(({ name }, i) => [name, i]));
  return soundPlan(surveyAws({ document, problems: [], places }, functions, settings));
}
