// The construct: `new EventRouter(this, 'Router', { router })` is a router on AWS, with everything of it readable as members.
// Made from AwsPlan and nothing else. Ids are a contract: a rule's constructs lie below its name, so rules come, go and change
// places without touching another's resources. Mistakes are refused before anything is made, all at once.

import { join } from 'node:path';
import { Names, RemovalPolicy, Stack, Tags, Token } from 'aws-cdk-lib';
import type { Alarm, Dashboard, IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { CfnArchive, EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { type Problem, unknownName } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';
import { type SurveyedRouter, surveyRouter } from './aws/document.ts';
import type { AwsPlan } from './aws/plan-data.ts';
import { soundPlan } from './aws-plan.ts';
import { bundleFunctions } from './bundle.ts';
import type { RouterInput } from './define.ts';
import { makeAlarm } from './event-router/alarm.ts';
import { makeDashboard } from './event-router/dashboard.ts';
import { Intake } from './event-router/intake.ts';
import { checkKafka, listenToKafka } from './event-router/kafka.ts';
import { Route } from './event-router/route.ts';
import { RouterFunction } from './event-router/router-function.ts';
import { allowServices, type Shared } from './event-router/shared.ts';
import { makeTable, secretOf } from './event-router/storage.ts';
import { subText } from './event-router/sub.ts';
import { type ListedFunction, loadService, type Service } from './functions.ts';

export interface EventRouterProps {
  /** The router document. */
  readonly router: RouterInput;
  /** What module paths in the document are relative to. @default the working directory */
  readonly baseDir?: string;
  /** Where the functions are listed. @default serverless.yml of the working directory, else the package's own */
  readonly functionsFile?: string;
  /** Where the functions' bundles are written. @default a folder of its own below .busway/bundles of the working directory */
  readonly outDir?: string;
  /**
   * What the names of queues and of the table begin with: 1 to 32 letters, digits, '_' and '-'. Two routers of one account
   * and region need two, of which none begins with the other. @default from the path of the construct
   */
  readonly prefix?: string;
  /** The name of the custom bus; a document written for the embedded bus gets one by it. @default the document's */
  readonly busName?: string;
  /** A bus that is there, in place of one made here. Its name must be known at synth. @default made by name */
  readonly eventBus?: IEventBus;
  /** Encrypts queues, table, secrets, logs, bus and variables. @default keys of the services */
  readonly encryptionKey?: IKey;
  /** Where the functions run. @default no VPC */
  readonly vpc?: IVpc;
  readonly vpcSubnets?: SubnetSelection;
  readonly securityGroups?: ISecurityGroup[];
  /** What becomes of table, secrets, archive and logs when they go out of the stack. @default RETAIN */
  readonly removalPolicy?: RemovalPolicy;
  /** @default one month */
  readonly logRetention?: RetentionDays;
  /** For how many days the bus's archive keeps events; 0 for no archive. @default 30 */
  readonly archiveDays?: number;
  /** Calls of the deliver function at once for each rule, 2 to 1000. @default 10 */
  readonly maximumConcurrency?: number;
  /** Secrets that exist: variable → construct, name or ARN. @default one is made for each variable that the document needs */
  readonly secrets?: Readonly<Record<string, ISecret | string>>;
  /** The login of a document's own Kafka for Lambda's poller, a JSON object of username and password; by ARN. @default none */
  readonly kafkaSecret?: ISecret | string;
  /** What alarms do. @default nothing; they are seen in the console only */
  readonly alarmAction?: IAlarmAction;
  /**
   * Where the resources of a rule stand: a stack has 500, and a rule takes eight. Give each rule the same place for ever.
   * @default in the router itself
   */
  readonly scopeOf?: (rule: string) => Construct;
}

const propNames: Record<keyof EventRouterProps, true> = {
  router: true,
  baseDir: true,
  functionsFile: true,
  outDir: true,
  prefix: true,
  busName: true,
  eventBus: true,
  encryptionKey: true,
  vpc: true,
  vpcSubnets: true,
  securityGroups: true,
  removalPolicy: true,
  logRetention: true,
  archiveDays: true,
  maximumConcurrency: true,
  secrets: true,
  kafkaSecret: true,
  alarmAction: true,
  scopeOf: true,
};

// CloudFormation takes 500 resources a stack, and that is never raised (its quotas, read 2026-11-21).
const RESOURCES = 500;
const RESOURCES_OF_RULE = 8;
/** What is no rule's, but for the secrets. */
const OWN_RESOURCES = 40;

/** Names of secrets, where the app has a construct: the construct itself is looked up by its variable. */
function namesOf(secrets: EventRouterProps['secrets'] = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(secrets).map(([name, one]) => [name, typeof one === 'string' ? one : name]));
}

function busNameOf({ eventBus, busName }: EventRouterProps, problems: Problem[]): string | undefined {
  if (eventBus === undefined) return busName;
  if (busName !== undefined) problems.push({ path: 'busName', says: "names the bus that 'eventBus' is; take one out" });
  if (!Token.isUnresolved(eventBus.eventBusName)) return eventBus.eventBusName;
  const says = 'its name must be known at synth, because the functions are told it: give the bus an eventBusName';
  problems.push({ path: 'eventBus', says });
  return undefined;
}

/** Where the document says that the bus is, and the stack is not. */
function checkPlace(scope: Construct, { plan: { bus } }: SurveyedRouter, problems: Problem[]): void {
  const stack = Stack.of(scope);
  const differs = (given: string | undefined, own: string): boolean =>
    given !== undefined && !Token.isUnresolved(own) && given !== own;
  if (differs(bus?.region, stack.region)) {
    const says = `is in ${bus!.region}, and the stack in ${stack.region}; rules are made where their bus is`;
    problems.push({ path: 'bus', says });
  }
  if (differs(bus?.account, stack.account)) {
    const says = `is of account ${bus!.account}, and the stack of ${stack.account}; rules are made where their bus is`;
    problems.push({ path: 'bus', says });
  }
}

function checkProps(props: EventRouterProps, { plan }: SurveyedRouter, problems: Problem[]): void {
  const known = Object.keys(propNames);
  for (const name of Object.keys(props).filter((one) => !known.includes(one))) {
    problems.push({ path: 'EventRouter', says: unknownName('prop', name, known) });
  }
  const room = Math.floor((RESOURCES - OWN_RESOURCES - plan.secrets.length) / RESOURCES_OF_RULE);
  if (props.scopeOf === undefined && plan.rules.length > room) {
    const says = `${plan.rules.length} rules do not fit into one stack, which has room for ${room}`;
    problems.push({
      path: 'rules',
      says: `${says}; let them stand in nested stacks: scopeOf, or ruleStacks in cdk.json`,
    });
  }
}

/** Everything that can be told before anything is made. Throws DOCUMENT_INVALID with all mistakes. */
function prepare(
  scope: Construct,
  props: EventRouterProps,
  functions: readonly ListedFunction[],
): Pick<SurveyedRouter, 'document' | 'plan'> {
  const { router, archiveDays, maximumConcurrency, prefix = defaultPrefix(scope) } = props;
  const problems: Problem[] = [];
  const busName = busNameOf(props, problems);
  const surveyed = surveyRouter({
    router,
    functions,
    prefix,
    busExists: props.eventBus !== undefined,
    secrets: namesOf(props.secrets),
    ...(busName !== undefined && { busName }),
    ...(archiveDays !== undefined && { archiveDays }),
    ...(maximumConcurrency !== undefined && { maximumConcurrency }),
  });
  checkProps(props, surveyed, problems);
  checkPlace(scope, surveyed, problems);
  checkKafka(surveyed.plan.kafka, props, problems);
  const { plan, document } = surveyed;
  return { document, plan: soundPlan({ plan, problems: [...surveyed.problems, ...problems] }) };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function defaultPrefix(scope: Construct): string {
  return Names.uniqueResourceName(scope, { maxLength: 32, separator: '-', allowedSpecialCharacters: '-_' });
}

export class EventRouter extends Construct {
  /** What everything here is made from. */
  readonly plan: AwsPlan;
  /** The document as the functions run it. */
  readonly document: RouterInput;
  readonly intake: Intake;
  /** webhook, deliver, redrive; those that the document's bus needs. */
  readonly functions: ReadonlyMap<string, RouterFunction>;
  /** By rule. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Undefined where the bus is not of AWS. */
  readonly eventBus: IEventBus | undefined;
  readonly archive: CfnArchive | undefined;
  /** What was published in the last 24 hours. */
  readonly table: Table;
  /** By variable. */
  readonly secrets: ReadonlyMap<string, ISecret>;
  readonly alarms: readonly Alarm[];
  readonly dashboard: Dashboard;

  /** Throws RouterError: DOCUMENT_INVALID with every mistake, CONFIG_INVALID for the list of functions. */
  constructor(scope: Construct, id: string, props: EventRouterProps) {
    super(scope, id);
    const service = loadService(props.functionsFile);
    const { plan, document } = prepare(this, props, service.functions);
    this.plan = plan;
    this.document = document;
    const shared: Shared = {
      ...props,
      logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    };
    if (props.encryptionKey) allowServices(props.encryptionKey, Stack.of(this).region);
    this.eventBus = this.#makeBus(props);
    this.archive = this.#makeArchive(shared);
    this.table = makeTable(this, plan.table, shared);
    this.secrets = this.#makeSecrets(props, shared);
    this.functions = this.#makeFunctions(props, { service, shared });
    const webhook = this.#function('webhook');
    const { routes } = plan.functions.find(({ name }) => name === 'webhook')!;
    this.intake = new Intake(this, 'Intake', { webhook: webhook.fn, routes, shared });
    this.routes = this.#makeRoutes(props, shared);
    if (plan.kafka) listenToKafka(this.#function('deliver').fn, plan.kafka, props);
    this.alarms = this.#makeAlarms(props);
    this.dashboard = makeDashboard(this, {
      prefix: plan.prefix,
      httpApi: this.intake.httpApi,
      functions: new Map([...this.functions].map(([name, { fn }]) => [name, fn])),
    });
    Tags.of(this).add('busway:router', plan.prefix);
  }

  /** Lets somebody put events on the bus, past the webhook function. Throws UNSUPPORTED where the bus is not of AWS. */
  grantPublish(grantee: IGrantable): Grant {
    if (this.eventBus !== undefined) return this.eventBus.grantPutEventsTo(grantee);
    throw new RouterError('UNSUPPORTED', 'grantPublish: the bus of this router is not of AWS; grant it there');
  }

  /** Lets somebody call the redrive function. Throws UNSUPPORTED where there is none. */
  grantRedrive(grantee: IGrantable): Grant {
    return this.#function('redrive').fn.grantInvoke(grantee);
  }

  /** Lets somebody look at a rule's failures; looking hides them for a while. Throws NOT_FOUND for a rule that is not here. */
  grantReadFailures(grantee: IGrantable, rule: string): Grant {
    const route = this.routes.get(rule);
    if (route !== undefined) return route.deadLetterQueue.grantConsumeMessages(grantee);
    throw new RouterError('NOT_FOUND', `grantReadFailures: ${unknownName('rule', rule, [...this.routes.keys()])}`);
  }

  #function(name: string): RouterFunction {
    const found = this.functions.get(name);
    if (found !== undefined) return found;
    const known = [...this.functions.keys()];
    throw new RouterError('UNSUPPORTED', `${unknownName('function', name, known)} for the bus of this router`);
  }

  #makeBus({ eventBus, encryptionKey }: EventRouterProps): IEventBus | undefined {
    const { bus } = this.plan;
    if (bus === null) return undefined;
    if (eventBus !== undefined) return eventBus;
    if (!bus.made) return EventBus.fromEventBusArn(this, 'Bus', subText(this, bus.arn));
    // CDK's own classes do not fit its interfaces under exactOptionalPropertyTypes.
    return new EventBus(this, 'Bus', {
      eventBusName: bus.name,
      ...(encryptionKey && { kmsKey: encryptionKey }),
    }) as IEventBus;
  }

  #makeArchive({ encryptionKey, removalPolicy }: Shared): CfnArchive | undefined {
    const { archive } = this.plan;
    if (archive === null || this.eventBus === undefined) return undefined;
    const made = new CfnArchive(this, 'Archive', {
      sourceArn: this.eventBus.eventBusArn,
      description: 'events of a Busway router',
      retentionDays: archive.days,
      ...(encryptionKey && { kmsKeyIdentifier: encryptionKey.keyArn }),
    });
    made.applyRemovalPolicy(removalPolicy);
    return made;
  }

  #makeSecrets({ secrets = {} }: EventRouterProps, shared: Shared): ReadonlyMap<string, ISecret> {
    const scope = new Construct(this, 'Secrets');
    return new Map(
      this.plan.secrets.map((one) => {
        const given = secrets[one.variable];
        return [one.variable, secretOf(scope, one, { given: typeof given === 'string' ? undefined : given, shared })];
      }),
    );
  }

  #makeFunctions(
    {
      baseDir = process.cwd(),
      outDir = join(process.cwd(), '.busway', 'bundles', Names.uniqueId(this)),
    }: EventRouterProps,
    { service, shared }: { service: Service; shared: Shared },
  ): ReadonlyMap<string, RouterFunction> {
    const needed = new Map(this.plan.functions.map((planned) => [planned.name, planned]));
    const functions = service.functions.filter(({ name }) => needed.has(name));
    const bundles = bundleFunctions({ document: this.document, baseDir, functions, outDir, cloud: 'aws' });
    return new Map(
      bundles.map(({ name, dir }) => {
        const props = { planned: needed.get(name)!, code: dir, service, secrets: this.secrets, shared };
        return [name, new RouterFunction(this, capital(name), props)];
      }),
    );
  }

  #makeRoutes({ scopeOf }: EventRouterProps, shared: Shared): ReadonlyMap<string, Route> {
    const { eventBus, plan } = this;
    if (eventBus === undefined) return new Map();
    const deliver = this.#function('deliver').fn;
    return new Map(
      plan.rules.map((planned) => {
        const alarms = plan.alarms.filter(({ of }) => 'rule' in of && of.rule === planned.rule);
        const scope = scopeOf?.(planned.rule) ?? this;
        const route = new Route(scope, `Rule-${planned.rule}`, { planned, alarms, eventBus, deliver, shared });
        Tags.of(route).add('busway:router', plan.prefix);
        return [planned.rule, route];
      }),
    );
  }

  #makeAlarms({ alarmAction }: EventRouterProps): readonly Alarm[] {
    const ofFunctions = this.plan.alarms.flatMap((planned) => {
      if (!('function' in planned.of)) return [];
      const owner = this.#function(planned.of.function);
      return [makeAlarm(owner, planned, owner.fn.functionName)];
    });
    const alarms = [...ofFunctions, ...[...this.routes.values()].flatMap((route) => route.alarms)];
    if (alarmAction) for (const alarm of alarms) alarm.addAlarmAction(alarmAction);
    return alarms;
  }
}
