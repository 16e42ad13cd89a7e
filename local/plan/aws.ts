// What the stack makes of a document on EventBridge, for plan: by the settings of cdk.json that `busway deploy` goes by, so
// that both name the same things.

import { type AppSettings, busNameFor, readAppSettings } from '../../infra/app-settings.ts';
import type { AwsPlan } from '../../infra/aws/plan-data.ts';
import { surveyAws } from '../../infra/aws-plan.ts';
import type { PlanFinding } from '../../infra/plan/finding.ts';
import type { Survey } from '../../router/document.ts';
import { toRouterError } from '../../router/errors.ts';
import { settingsOf } from '../cdk-settings.ts';

export interface PlannedAws {
  /** Undefined on another bus. */
  readonly aws: AwsPlan | undefined;
  /** The mistakes of cdk.json; with one, names are those without the file. */
  readonly findings: readonly PlanFinding[];
}

/** A finding for each mistake. */
function findingsOf(thrown: unknown): readonly PlanFinding[] {
  const [first = '', ...listed] = toRouterError(thrown).message.split('\n');
  const lines = listed.length === 0 ? [first] : listed;
  return lines.map((line) => ({ level: 'error', kind: 'document', at: 'cdk.json', says: line.trim() }));
}

/** The bus as the stack names it: an embedded one that is planned for AWS gets one there. */
function onStack({ document, ...rest }: Survey, written: string, settings: AppSettings): Survey {
  const { bus } = document;
  const name = busNameFor({ bus: written }, settings);
  if (name === undefined) return { document, ...rest };
  return { document: { ...document, bus: { ...bus, options: { ...bus.options, bus: name } } }, ...rest };
}

/** `written`: the kind of bus in the document, whatever it is planned for. */
export async function planAws(survey: Survey, written: string, cwd: string): Promise<PlannedAws> {
  if (survey.document.bus.kind !== 'eventbridge') return { aws: undefined, findings: [] };
  let settings = readAppSettings(undefined);
  let findings: readonly PlanFinding[] = [];
  try {
    settings = await settingsOf(cwd);
  } catch (thrown) {
    findings = findingsOf(thrown);
  }
  return { aws: surveyAws(onStack(survey, written, settings), [], settings).plan, findings };
}
