// busway plan: what a document would make, change and remove, what is wrong with it or near a limit, what it costs, and what
// it would have done with recorded events. Reads no secret, opens no cloud, changes nothing but the plan it keeps.

import { isLight } from '../../adapters/dataref.ts';
import { buses } from '../../adapters/registry.ts';
import { readThresholds, type Threshold } from '../../infra/plan/fail-on.ts';
import { type LoadMeter, measureLoad } from '../../infra/plan/load.ts';
import { rulesOf } from '../../infra/plan/plan-file.ts';
import { reportText } from '../../infra/plan/report-text.ts';
import { compareRules, type WhatIf } from '../../infra/plan/what-if.ts';
import { compileForBuses, planReport, type Recorded, unplannedRules } from '../../infra/plan.ts';
import type { CloudEvent } from '../../router/event.ts';
import { canonicalJson } from '../../router/rule.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { type SurveyedFile, surveyFile } from '../document-file.ts';
import { planAws } from '../plan/aws.ts';
import { type Earlier, keep, keptIn, readAgainst, readKept } from '../plan/earlier.ts';
import { type LoadedFilters, loadFilters } from '../plan/filters.ts';
import { readFunctions } from '../plan/functions.ts';
import { readEventsFile, readLog, type TakeEvent } from '../plan/recorded.ts';
import { settingFindings } from '../plan/settings.ts';
import { dataDirOf } from '../router-file.ts';

const MAX_LAST = 10_000_000;

interface Asked {
  readonly events: string | undefined;
  readonly last: number | undefined;
  readonly thresholds: readonly Threshold[];
}

/** Throws USAGE. */
function readAsked(args: Args): Asked {
  const events = args.string('events');
  const last =
    args.string('last') === undefined ? undefined : args.integer('last', { default: 0, min: 1, max: MAX_LAST });
  if (events !== undefined && last !== undefined) {
    throw usage('busway plan: --last and --events are two places of events; name one');
  }
  const text = args.string('fail-on');
  const thresholds = text === undefined ? [] : readThresholds(text);
  const first = thresholds.find(({ key }) => key !== 'cost');
  if (first !== undefined && events === undefined && last === undefined) {
    throw usage(`busway plan: --fail-on ${first.key} needs events; name them with --last N or --events FILE`);
  }
  return { events, last, thresholds };
}

interface Replayed {
  readonly recorded?: Recorded;
  readonly whatIf?: WhatIf;
}

interface ReplayParts {
  readonly asked: Asked;
  readonly survey: SurveyedFile;
  readonly earlier: Earlier | undefined;
  readonly filters: LoadedFilters;
  readonly meter: LoadMeter;
}

/** The recorded events through the old rules and the new ones; rules with mistakes are in neither. */
async function replay({ asked, survey, earlier, filters, meter }: ReplayParts, args: Args, io: Io): Promise<Replayed> {
  const { events, last } = asked;
  if (events === undefined && last === undefined) return {};
  const left = unplannedRules(survey);
  const before = earlier === undefined ? [] : rulesOf(earlier.plan, earlier.from).filter(({ name }) => !left.has(name));
  const comparison = compareRules(before, survey.document.rules);
  const { uriPrefix } = filters;
  let unjudged = 0;
  const take: TakeEvent = (event: CloudEvent, bytes: number): void => {
    // Its data is in the store, so what rules say of it is not known here.
    if (uriPrefix !== undefined && isLight(event, uriPrefix)) unjudged++;
    else meter.take(event, bytes, comparison.take(event));
  };
  const recorded =
    events !== undefined
      ? await readEventsFile(events, io, take)
      : await readLog({ bus: survey.written, dataDir: dataDirOf(args, io), last: last! }, io, take);
  return { recorded: { ...recorded, unjudged }, whatIf: comparison.result() };
}

/** Compared with what --against names, else with the plan that was kept last. Throws USAGE where a threshold needs one. */
async function earlierOf(args: Args, io: Io, { thresholds }: Asked): Promise<Earlier | undefined> {
  const against = args.string('against');
  if (against !== undefined) return readAgainst(against, io);
  const kept = await readKept(keptIn(dataDirOf(args, io), io.cwd), io);
  const first = kept === undefined ? thresholds.find(({ key }) => key !== 'cost') : undefined;
  if (first === undefined) return kept;
  throw usage(
    `busway plan: --fail-on ${first.key} needs earlier rules, and no plan is kept yet; name some with --against FILE`,
  );
}

/** A bus that only the command line names: what the document would have to say of it is missing. */
function isStandIn(args: Args, { document, written }: SurveyedFile): boolean {
  return args.string('bus') !== undefined && document.bus.kind !== written.kind;
}

async function run(args: Args, io: Io): Promise<number> {
  const asked = readAsked(args);
  const survey = await surveyFile(args.string('config') ?? 'infra/router.ts', io.cwd, args.string('bus'));
  const { functions, findings: unread } = await readFunctions(io.cwd);
  const earlier = await earlierOf(args, io, asked);
  const filters = await loadFilters(survey.document, survey.baseDir);
  const compiled = compileForBuses(survey, filters.filters);
  const meter = measureLoad(compiled);
  const replayed = await replay({ asked, survey, earlier, filters, meter }, args, io);
  const { aws, findings: misset } = await planAws(survey, survey.written.kind, io.cwd);
  const settings = await settingFindings(survey, io.env, args.flag('env') ? 'error' : 'note');
  const report = planReport({
    survey,
    standIn: isStandIn(args, survey),
    buses: compiled,
    loads: meter.result(),
    functions,
    aws,
    others: [...filters.findings, ...unread, ...misset, ...settings],
    ...(earlier && { earlier }),
    ...replayed,
    thresholds: asked.thresholds,
  });
  // What was only tried is not what the next plan is to be compared with.
  const tried = args.string('against') !== undefined || args.string('bus') !== undefined;
  const kept = keptIn(dataDirOf(args, io), io.cwd);
  const isKept = report.ok && !tried && (await keep(report.plan, kept, io));
  io.out(args.flag('json') ? canonicalJson(report) : reportText(report, isKept ? kept.shown : undefined));
  return report.ok ? 0 : 1;
}

export const plan: Command = {
  name: 'plan',
  usage:
    'plan [--config FILE] [--bus KIND] [--against FILE] [--last N | --events FILE] [--fail-on KEY>N,…] [--env] [--json]',
  says:
    'Prints what the document would make, change and remove, every mistake, what lint and the limits of its bus say, what a\n' +
    'million events cost on each bus and, with recorded events, what would be routed otherwise than before. It is compared\n' +
    'with --against, else with the last plan without errors, which is kept in the data folder unless --against or --bus is\n' +
    'given. Exit code 1 for an error or a passed threshold; keys: routed, unrouted (events), cost (USD a million events).',
  example: "busway plan --against deployed.json --last 10000 --fail-on 'unrouted>0,cost>5'",
  options: {
    config: shared.config,
    data: shared.data,
    bus: { type: 'string', value: 'KIND', says: `plan for another bus: ${Object.keys(buses).join(', ')}` },
    against: { type: 'string', value: 'FILE', says: 'compare with a plan (the output of --json) or a router document' },
    last: { type: 'string', value: 'N', says: 'what if: the newest N events of the local log' },
    events: { type: 'string', value: 'FILE', says: 'what if: structured CloudEvents, one JSON line each' },
    'fail-on': { type: 'string', value: 'KEY>N,…', says: 'exit code 1 when more: routed, unrouted, cost' },
    env: { type: 'boolean', says: 'a variable that is not set here is an error, not a note' },
    json: { type: 'boolean', says: 'one JSON object, for machines and for --against' },
  },
  run,
};
