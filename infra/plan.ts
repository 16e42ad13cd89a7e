// busway plan, the pure part: a document as far as it is sound, its bus and an earlier plan → what would be made, changed and
// removed, what is wrong or near a limit, and what it costs. Opens nothing, reads no file, no clock and no variable.

import type { Options } from '../router/config.ts';
import type { RouterDocument, Survey } from '../router/document.ts';
import type { AwsPlan } from './aws/plan-data.ts';
import type { BusPlan, Limit } from './plan/bus-plan.ts';
import { busPlans } from './plan/buses.ts';
import { type Change, changesBetween } from './plan/changes.ts';
import { type BusFilter, type CompiledRule, compileRules } from './plan/compiled-rule.ts';
import { assumedRun, type Cost, costs, type Load } from './plan/cost.ts';
import { type Judged, judge, type Threshold } from './plan/fail-on.ts';
import type { PlanFinding } from './plan/finding.ts';
import { findingsOf } from './plan/findings.ts';
import { assumedLoad, type BusRules } from './plan/load.ts';
import { makePlan, type Plan } from './plan/plan-file.ts';
import type { WhatIf } from './plan/what-if.ts';
import { priceTable } from './prices.ts';

export interface BusCost extends Cost {
  readonly bus: string;
}

export interface CostTable {
  /** What was assumed, a line each. */
  readonly assumptions: readonly string[];
  readonly perMillionEvents: readonly BusCost[];
}

/** Lines of recorded events, and what of them could not be read. */
export interface Recorded {
  readonly from: string;
  readonly events: number;
  /** Their data is in the store of oversized data, so that they cannot be judged here. */
  readonly unjudged: number;
  /** Lines that are no event. */
  readonly bad: number;
  /** The first few, "line 3: …". */
  readonly firstBad: readonly string[];
}

export interface PlanReport {
  /** No error was found and no threshold was passed. */
  readonly ok: boolean;
  readonly plan: Plan;
  /** What it was compared with; null when there was nothing, and all is made. */
  readonly against: string | null;
  readonly changes: readonly Change[];
  readonly findings: readonly PlanFinding[];
  readonly limits: readonly Limit[];
  readonly cost: CostTable;
  readonly recorded?: Recorded;
  readonly whatIf?: WhatIf;
  readonly thresholds: readonly Judged[];
}

export interface PlanRequest {
  readonly survey: Survey;
  readonly standIn: boolean;
  /** Kind of bus → what it makes of the rules: of all that costs are compared for, and of the document's own. */
  readonly buses: ReadonlyMap<string, BusRules>;
  readonly loads: ReadonlyMap<string, Load>;
  readonly functions: Plan['functions'];
  /** What the stack makes of the document, on a bus of AWS. */
  readonly aws?: AwsPlan | undefined;
  readonly others: readonly PlanFinding[];
  readonly earlier?: { readonly plan: Plan; readonly from: string };
  readonly recorded?: Recorded;
  readonly whatIf?: WhatIf;
  readonly thresholds: readonly Threshold[];
}

/** What each bus makes of the sound rules. */
export function compileForBuses(
  survey: Survey,
  filters: ReadonlyMap<string, BusFilter>,
): ReadonlyMap<string, BusRules> {
  return new Map([...filters].map(([kind, filter]) => [kind, { filter, rules: compileRules(survey, filter) }]));
}

/** Names that the document has and that could not be planned for their mistakes. */
export function unplannedRules({ document, places }: Survey): ReadonlySet<string> {
  const planned = new Set(document.rules.map(({ name }) => name));
  return new Set([...places.keys()].filter((name) => !planned.has(name)));
}

/** Where the document does not say, the service calls a function: what a deployment without processes would do. */
function pushes(kind: string, options: Options | undefined): boolean {
  if (options === undefined) return true;
  if (kind === 'pubsub') return options['push'] !== undefined;
  return kind !== 'eventgrid' || options['topic'] === undefined;
}

function costTable({ survey, loads, recorded, whatIf }: PlanRequest): CostTable {
  const own = survey.document.bus;
  const perMillionEvents = [...loads].flatMap(([bus, load]): BusCost[] => {
    const cost = costs[bus]?.(load, { pushes: pushes(bus, bus === own.kind ? own.options : undefined) });
    return cost === undefined ? [] : [{ bus, ...cost }];
  });
  const { bytes, share, batch } = assumedLoad;
  const judged = whatIf?.events ?? 0;
  const events =
    judged > 0 && recorded !== undefined
      ? `sizes and shares of ${judged} events of ${recorded.from}`
      : `events of ${bytes} bytes, of which each rule takes ${share * 100} %`;
  const calls = `a publish call for every ${batch === 1 ? 'event' : `${batch} events`}`;
  const run = `a function runs ${assumedRun.ms} ms a call with ${assumedRun.memoryGb} GB`;
  const rest = 'no retries, idle polling, storage, network or intake; machines of your own cost nothing here';
  const { read, currency, regions } = priceTable;
  const list = `list prices of ${read} in ${currency}, without free tiers: ${regions}`;
  return { assumptions: [events, calls, run, rest, list], perMillionEvents };
}

const noPlan: BusPlan = { resources: () => [], limits: () => [], gaps: () => [], settings: () => [] };

export function busPlanOf(kind: string): BusPlan {
  return Object.hasOwn(busPlans, kind) ? busPlans[kind]! : noPlan;
}

const unfiltered: BusFilter = { compile: (when) => ({ kind: 'none', native: null, residual: when }) };

interface OnBus {
  readonly rules: readonly CompiledRule[];
  readonly busPlan: BusPlan;
  readonly plan: Plan;
}

interface OnBusParts {
  readonly own: BusRules | undefined;
  readonly functions: Plan['functions'];
  readonly aws: AwsPlan | undefined;
}

function onBus(survey: Survey, { own, functions, aws }: OnBusParts): OnBus {
  const { document } = survey;
  const rules = own?.rules ?? compileRules(survey, unfiltered);
  const busPlan = busPlanOf(document.bus.kind);
  const resources = busPlan.resources(rules, document.bus.options, aws);
  return { rules, busPlan, plan: makePlan({ document, rules, resources, functions }) };
}

/** The plan of a document without mistakes, to compare another with. */
export function planOf(document: RouterDocument, filter: BusFilter, aws: AwsPlan | undefined): Plan {
  const survey: Survey = { document, problems: [], places: new Map() };
  return onBus(survey, { own: { filter, rules: compileRules(survey, filter) }, functions: null, aws }).plan;
}

/** Total: whatever the document is like, all that can be told of it is told. */
export function planReport(request: PlanRequest): PlanReport {
  const { survey, standIn, buses, functions, aws, others, earlier, recorded, whatIf } = request;
  const { kind, options } = survey.document.bus;
  const own = buses.get(kind);
  const { rules, busPlan, plan } = onBus(survey, { own, functions, aws });
  const limits = busPlan.limits(rules, options);
  const gaps = busPlan.gaps(rules, options);
  const filters = own?.filter.passes !== undefined;
  const findings = findingsOf({ survey, standIn, rules, filters, limits, gaps, others });
  const cost = costTable(request);
  const total = cost.perMillionEvents.find(({ bus }) => bus === kind)?.usd.total;
  const thresholds = judge(request.thresholds, {
    ...(total === undefined ? {} : { cost: total }),
    ...(whatIf === undefined ? {} : { routed: whatIf.routed.count, unrouted: whatIf.unrouted.count }),
  });
  return {
    ok: !findings.some(({ level }) => level === 'error') && !thresholds.some(({ passed }) => passed),
    plan,
    against: earlier?.from ?? null,
    changes: changesBetween(earlier?.plan, plan, unplannedRules(survey)),
    findings,
    limits,
    cost,
    ...(recorded === undefined ? {} : { recorded }),
    ...(whatIf === undefined ? {} : { whatIf }),
    thresholds,
  };
}
