// What the tests of plan share: a document as plan sees it, on a bus, with what the registries know.

import type { CompiledRule } from '../../../infra/plan/compiled-rule.ts';
import { measureLoad } from '../../../infra/plan/load.ts';
import { compileForBuses, type PlanReport, type PlanRequest, planReport } from '../../../infra/plan.ts';
import { kinds } from '../../../local/document-file.ts';
import { planAws } from '../../../local/plan/aws.ts';
import { loadFilters } from '../../../local/plan/filters.ts';
import { type Survey, surveyDocument } from '../../../router/document.ts';

/** Bus options that make each kind complete. */
export const wholeBus: Readonly<Record<string, object>> = {
  embedded: { use: 'embedded' },
  kafka: { use: 'kafka' },
  eventbridge: { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' },
  eventgrid: { use: 'eventgrid', endpoint: 'https://shop.westeurope-1.eventgrid.azure.net', entra: true },
  pubsub: { use: 'pubsub', project: 'example-1' },
};

export interface RuleText {
  readonly name: string;
  readonly when: unknown;
  readonly to?: unknown;
  readonly [more: string]: unknown;
}

export function documentOf(bus: string | object, rules: readonly RuleText[]): object {
  return {
    bus: typeof bus === 'string' ? wholeBus[bus] : bus,
    rules: rules.map((rule) => ({ to: { log: {} }, ...rule })),
  };
}

export interface Planned extends PlanReport {
  readonly survey: Survey;
  readonly rules: readonly CompiledRule[];
}

export async function planned(document: unknown, more: Partial<PlanRequest> = {}): Promise<Planned> {
  const survey = surveyDocument(document, kinds);
  const { filters, findings } = await loadFilters(survey.document, '/');
  const buses = compileForBuses(survey, filters);
  const loads = measureLoad(buses).result();
  const functions: PlanRequest['functions'] = [];
  const { aws } = await planAws(survey, survey.document.bus.kind, '/');
  const request = { survey, aws, standIn: false, buses, loads, functions, others: findings, thresholds: [], ...more };
  return { ...planReport(request), survey, rules: buses.get(survey.document.bus.kind)?.rules ?? [] };
}

/** n texts that share nothing. */
export function texts(count: number, length = 8): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${String.fromCharCode(97 + (i % 26))}${i}`.padEnd(length, 'x'));
}
