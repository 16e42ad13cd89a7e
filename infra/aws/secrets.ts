// Which variables of a document are secrets, who reads them, and whether a stack can make one up. Names only: no value is
// known here, and none may come into a template.

import { buses } from '../../adapters/registry.ts';
import { sources } from '../../functions/sources/registry.ts';
import { targets } from '../../functions/targets/registry.ts';
import { isObject, type Options, type OptionTable, type Problem, unknownName } from '../../router/config.ts';
import type { Survey } from '../../router/document.ts';
import { secretVariable } from '../../router/secret-variable.ts';
import { placeOf } from '../plan/compiled-rule.ts';
import type { AwsSecret } from './plan-data.ts';

interface Needed extends AwsSecret {
  /** Names of functions. */
  readonly readBy: readonly string[];
}

export interface NeededSecrets {
  readonly secrets: readonly AwsSecret[];
  /** The variables that a function reads. */
  of(functionName: string): readonly string[];
}

/** The secret that http targets sign with when their rule names none; without it they go unsigned. */
const SIGNING = 'BUSWAY_SIGNING_SECRET';
const ARN = /^arn:aws[a-z-]{0,20}:secretsmanager:[a-z0-9-]{1,32}:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$/;
// A signing secret would pass for a name.
const NAME = /^(?!whsec_)[A-Za-z0-9/_+=.@-]{1,512}$/;

/** The variables that options name, with their places. */
function named(options: Options, table: OptionTable, at: string): readonly (readonly [at: string, variable: string])[] {
  return Object.entries(table).flatMap(([name, { type, fields = {} }]) => {
    const value = options[name];
    const here = `${at}.${name}`;
    if (type === 'env' && typeof value === 'string') return [[here, value] as const];
    return type === 'object' && isObject(value) ? named(value, fields, here) : [];
  });
}

function ofSources({ document }: Survey, problems: Problem[]): readonly Needed[] {
  const owners = new Map<string, string>();
  return document.sources.flatMap(({ name, kind, options }): readonly Needed[] => {
    const form = sources[kind]?.secret(options) ?? 'none';
    if (form === 'none') return [];
    const [variable, at] = [secretVariable(name), `sources.${name}`];
    const other = owners.get(variable);
    if (other !== undefined) {
      problems.push({ path: at, says: `would share the variable ${variable} with source '${other}'; rename one` });
      return [];
    }
    owners.set(variable, name);
    return [{ variable, at, form, readBy: ['webhook'] }];
  });
}

/** Logins of the bus. */
function ofBus({ document: { bus } }: Survey): readonly Needed[] {
  const { kind, options } = bus;
  const given = (at: string, variable: string): Needed => ({
    variable,
    at,
    form: 'given',
    readBy: ['webhook', 'deliver'],
  });
  const asked = named(options, buses[kind]?.options ?? {}, 'bus').map(([at, variable]) => given(at, variable));
  const hasLogin = ['key', 'sas', 'entra'].some((name) => options[name] !== undefined && options[name] !== false);
  if (kind === 'eventgrid' && !hasLogin) return [...asked, given('bus.key', 'EVENTGRID_KEY')];
  return kind === 'pubsub' ? [...asked, given('bus', 'GOOGLE_APPLICATION_CREDENTIALS')] : asked;
}

function ofTargets({ document, places }: Survey): readonly Needed[] {
  return document.rules.flatMap(({ name, to }) => {
    const at = `${placeOf(name, places)} to.${to.kind}`;
    return named(to.options, targets[to.kind]?.options ?? {}, at).map(
      ([place, variable]): Needed => ({
        variable,
        at: place,
        form: 'given',
        readBy: ['deliver'],
      }),
    );
  });
}

function ofSigning({ document }: Survey, existing: Readonly<Record<string, string>>): readonly Needed[] {
  const signs = document.rules.some(({ to }) => to.kind === 'http' && to.options['secret'] === undefined);
  if (!signs || existing[SIGNING] === undefined) return [];
  return [{ variable: SIGNING, at: `secrets.${SIGNING}`, form: 'given', readBy: ['deliver'] }];
}

/** Several places may read one variable; it is one secret then. */
function merged(needed: readonly Needed[]): readonly Needed[] {
  const groups = Map.groupBy(needed, ({ variable }) => variable);
  return [...groups.values()].map((group) => ({
    ...group[0]!,
    form: group.every(({ form }) => form === 'any') ? 'any' : 'given',
    readBy: [...new Set(group.flatMap(({ readBy }) => readBy))],
  }));
}

function checkExisting(needed: readonly Needed[], existing: Readonly<Record<string, string>>, problems: Problem[]) {
  const known = needed.map(({ variable }) => variable);
  for (const [variable, secret] of Object.entries(existing)) {
    const path = `secrets.${variable}`;
    if (!known.includes(variable)) problems.push({ path, says: unknownName('variable', variable, known) });
    // The text is not shown: it could be the secret itself.
    else if (!NAME.test(secret) && !ARN.test(secret)) {
      problems.push({
        path,
        says: 'must be the name or the ARN of a secret in Secrets Manager, never the secret itself',
      });
    }
  }
}

/** `existing`: variable → name or ARN. What is wrong is added to `problems`. */
export function neededSecrets(
  survey: Survey,
  existing: Readonly<Record<string, string>>,
  problems: Problem[],
): NeededSecrets {
  const asked = [...ofSources(survey, problems), ...ofBus(survey), ...ofTargets(survey)];
  const needed = merged([...asked, ...ofSigning(survey, existing)]);
  checkExisting(needed, existing, problems);
  return {
    secrets: needed.map(({ readBy: _readBy, ...secret }) => ({
      ...secret,
      ...(existing[secret.variable] === undefined ? {} : { existing: existing[secret.variable]! }),
    })),
    of: (name) => needed.filter(({ readBy }) => readBy.includes(name)).map(({ variable }) => variable),
  };
}
