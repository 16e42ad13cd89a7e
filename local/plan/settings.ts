// What a document needs from the environment where it runs: secrets by the names of their variables, and what a bus is not
// told in the document. Plan only asks whether a variable is set; no value ever comes into a message.

import { buses } from '../../adapters/registry.ts';
import { openSource, secretVariable } from '../../functions/open-sources.ts';
import { sources } from '../../functions/sources/registry.ts';
import { targets } from '../../functions/targets/registry.ts';
import type { Setting } from '../../infra/plan/bus-plan.ts';
import { placeOf } from '../../infra/plan/compiled-rule.ts';
import type { PlanFinding } from '../../infra/plan/finding.ts';
import { busPlanOf } from '../../infra/plan.ts';
import { isObject, type Options, type OptionTable } from '../../router/config.ts';
import type { Survey } from '../../router/document.ts';
import { toRouterError } from '../../router/errors.ts';

/** The variables that options name, with their places. */
function variablesIn(options: Options, table: OptionTable, at: string): readonly Setting[] {
  return Object.entries(table).flatMap(([name, { type, fields }]): readonly Setting[] => {
    const value = options[name];
    const here = `${at}.${name}`;
    if (type === 'env' && typeof value === 'string') return [{ at: here, variables: [value] }];
    return type === 'object' && isObject(value) ? variablesIn(value, fields ?? {}, here) : [];
  });
}

async function ofSources({ document }: Survey, findings: PlanFinding[]): Promise<readonly Setting[]> {
  const users = new Map<string, string>();
  const settings: Setting[] = [];
  for (const choice of document.sources.filter(({ kind }) => kind !== '')) {
    const at = `sources.${choice.name}`;
    try {
      if (!(await openSource(choice, sources)).needsSecret) continue;
    } catch (thrown) {
      findings.push({ level: 'error', kind: 'document', at, says: toRouterError(thrown).message });
      continue;
    }
    const variable = secretVariable(choice.name);
    const other = users.get(variable);
    users.set(variable, choice.name);
    if (other === undefined) settings.push({ at, variables: [variable] });
    else {
      const says = `would share the variable ${variable} with source '${other}'`;
      findings.push({ level: 'error', kind: 'document', at, says, fix: 'rename one' });
    }
  }
  return settings;
}

function ofTargets({ document, places }: Survey): readonly Setting[] {
  return document.rules.flatMap(({ name, to }) =>
    variablesIn(to.options, targets[to.kind]?.options ?? {}, `${placeOf(name, places)} to.${to.kind}`),
  );
}

function ofBus({ document: { bus } }: Survey): readonly Setting[] {
  return [
    ...variablesIn(bus.options, buses[bus.kind]?.options ?? {}, 'bus'),
    ...busPlanOf(bus.kind).settings(bus.options),
  ];
}

/** `level`: what it is when a variable is not set here. Sources that cannot be opened, or would share a variable, are errors. */
export async function settingFindings(
  survey: Survey,
  env: (name: string) => string | undefined,
  level: 'error' | 'note',
): Promise<readonly PlanFinding[]> {
  const findings: PlanFinding[] = [];
  const settings = [...(await ofSources(survey, findings)), ...ofTargets(survey), ...ofBus(survey)];
  const unset = settings.filter(({ variables }) => variables.every((name) => !env(name)));
  return [
    ...findings,
    ...unset.map(({ at, variables }): PlanFinding => {
      const says = `needs the variable ${variables.join(' or ')}, which is not set here`;
      return { level, kind: 'setting', at, says, fix: 'set it where the router runs' };
    }),
  ];
}
