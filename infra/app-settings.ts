// What `busway deploy` is told besides the rules: the object 'busway' under 'context' of cdk.json. One table, so that a slip is
// refused with the nearest known name. Pure.

import { checkOptions, isObject, type OptionTable, type Problem } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';

export interface AppSettings {
  /** The name of the stack. */
  readonly stack: string;
  /** What the names of queues and of the table begin with. */
  readonly prefix: string;
  /** The name of the custom bus; the document's if absent. */
  readonly bus?: string;
  readonly archiveDays?: number;
  readonly maximumConcurrency?: number;
  /** In how many nested stacks the rules stand. */
  readonly ruleStacks?: number;
  /** Variable → the name or the ARN of a secret that exists. */
  readonly secrets: Readonly<Record<string, string>>;
  /** The ARN of the login of a document's own Kafka. */
  readonly kafkaSecret?: string;
}

const STACK = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;
const SECRET_ARN = /^arn:aws[a-z-]{0,20}:secretsmanager:/;

const table: OptionTable = {
  stack: {
    type: 'string',
    default: 'Busway',
    check: (name) => (STACK.test(name) ? undefined : 'must be letters, digits and hyphens, a letter first'),
    says: 'the name of the stack',
  },
  prefix: { type: 'string', default: 'busway', says: 'what the names of queues and of the table begin with' },
  bus: { type: 'string', says: "the name of the custom bus; the document's if absent, 'busway' for an embedded one" },
  archiveDays: { type: 'integer', says: "for how many days the bus's archive keeps events; 0 for no archive" },
  maximumConcurrency: { type: 'integer', says: 'calls of the deliver function at once for each rule' },
  ruleStacks: {
    type: 'integer',
    max: 50,
    says: 'in how many nested stacks the rules stand, where one has no room; changed later, it makes their queues anew',
  },
  secrets: { type: 'json', says: 'variable → the name or the ARN of a secret that exists' },
  kafkaSecret: {
    type: 'string',
    check: (arn) => (SECRET_ARN.test(arn) ? undefined : 'must be the ARN of a secret'),
    says: "the login of a document's own Kafka, a JSON object of username and password",
  },
};

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string');
}

/** Throws CONFIG_INVALID with every mistake. */
export function readAppSettings(context: unknown): AppSettings {
  const problems: Problem[] = [];
  const read = checkOptions(context ?? {}, table, 'context.busway', problems);
  const { secrets = {} } = read;
  if (!isTexts(secrets)) {
    const says =
      'must be an object of variable and the name or the ARN of a secret, such as {"SLACK_URL":"prod/slack"}';
    problems.push({ path: 'context.busway.secrets', says });
  }
  if (problems.length === 0) return { ...read, secrets } as unknown as AppSettings;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('CONFIG_INVALID', `cdk.json has mistakes\n  ${lines.join('\n  ')}`, { problems });
}

/** Embedded is a bus of one machine: on AWS it takes the place of none, so the stack makes one. */
const DEFAULT_BUS = 'busway';

/** The name of the custom bus, in place of what the document says; undefined to leave the document as it is. */
export function busNameFor(router: unknown, { bus }: AppSettings): string | undefined {
  if (bus !== undefined || !isObject(router)) return bus;
  const written = router['bus'] ?? 'embedded';
  const kind = isObject(written) ? written['use'] : written;
  return kind === 'embedded' ? DEFAULT_BUS : undefined;
}
