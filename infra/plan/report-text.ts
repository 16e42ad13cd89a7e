// A plan's report for people: what is wrong first, then what to do, then what it costs. Pure. Names and ids come from outside,
// so control characters never reach the terminal.

import type { BusCost, PlanReport, Recorded } from '../plan.ts';
import type { Limit } from './bus-plan.ts';
import type { Change } from './changes.ts';
import type { Judged } from './fail-on.ts';
import type { PlanFinding } from './finding.ts';
import type { Counted, WhatIf } from './what-if.ts';

const MAX_ROWS = 20;
const MAX_PLACES = 3;
const MAX_LIMITS = 3;

function plain(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ');
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
}

/** Columns of equal width, two spaces between; numbers to the right. */
function table(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) ?? [];
  return rows.map((row) => {
    const cells = row.map((cell, i) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

function cut(rows: readonly string[]): readonly string[] {
  if (rows.length <= MAX_ROWS) return rows;
  return [...rows.slice(0, MAX_ROWS), `  … and ${rows.length - MAX_ROWS} more; all of them with --json`];
}

/** Findings that say the same are told once, with the first places; a fix stands below the last one that it is for. */
function findingLines(findings: readonly PlanFinding[]): string[] {
  const groups = [...Map.groupBy(findings, ({ level, says, fix }) => `${level}\0${says}\0${fix}`).values()];
  return groups.flatMap((group, i) => {
    const [{ level, says, fix } = findings[0]!] = group;
    const places = group.slice(0, MAX_PLACES).map(({ at }) => at);
    const more = group.length > MAX_PLACES ? `, and ${group.length - MAX_PLACES} more` : '';
    const line = `  ${level.padEnd(8)}${plain(`${places.join(', ')}${more}: ${says}`)}`;
    return fix === undefined || groups[i + 1]?.[0]?.fix === fix ? [line] : [line, `          → ${plain(fix)}`];
  });
}

const signs = { made: '+', changed: '~', replaced: '±', removed: '-' };

/** What is made or removed with its rule stands in the rule's line. */
function withRule(changes: readonly Change[]): ReadonlyMap<Change, readonly Change[]> {
  const rules = changes.filter(({ thing, change }) => thing === 'rule' && (change === 'made' || change === 'removed'));
  const parts = Map.groupBy(changes, ({ rule, change }) => `${change} ${rule}`);
  return new Map(rules.map((one) => [one, parts.get(`${one.change} ${one.name}`) ?? []]));
}

function changeLines(changes: readonly Change[]): readonly string[] {
  const ofRules = withRule(changes);
  const told = new Set([...ofRules.values()].flat());
  const rows = changes
    .filter((one) => !told.has(one))
    .map((one) => {
      const { thing, name, change, parts, before } = one;
      const below = ofRules.get(one)?.map((part) => (part.name === name ? part.thing : `${part.thing} ${part.name}`));
      const how = before === undefined ? (parts ?? below ?? []).join(', ') : `replaces ${before}`;
      return [signs[change], thing, name, how].map(plain);
    });
  const steps = changes.find((one) => one.steps !== undefined && one.thing !== 'bus')?.steps;
  const said =
    steps === undefined ? [] : ['  ± cannot be changed: make the new one, drain the old one, then delete it'];
  const moved = changes.find(({ thing, change }) => thing === 'bus' && change === 'replaced')?.steps;
  return [...cut(table(rows)), ...said, ...(moved === undefined ? [] : [`  to move: ${plain(moved.join('; '))}`])];
}

function limitLines(limits: readonly Limit[]): readonly string[] {
  const nearest = [...limits].sort((a, b) => b.used / b.limit - a.used / a.limit).slice(0, MAX_LIMITS);
  const rows = nearest.map(({ at, what, used, limit }) => [
    `${used} / ${limit}`,
    `${Math.floor((used / limit) * 100)} %`,
    what,
    plain(at),
  ]);
  return table(rows, new Set([0, 1]));
}

const whole = (count: number): string => Math.round(count).toLocaleString('en');

function costLines(costs: readonly BusCost[], own: string): readonly string[] {
  const head = ['bus', 'publish calls', 'deliveries', 'function calls', 'bus $', 'queue $', 'functions $', 'total $'];
  const rows = costs.map(({ bus, publishCalls, deliveries, functionCalls, usd }) => [
    bus === own ? `${bus} *` : bus,
    ...[publishCalls, deliveries, functionCalls].map(whole),
    ...[usd.bus, usd.queue, usd.functions, usd.total].map((dollars) => dollars.toFixed(2)),
  ]);
  return table([head, ...rows], new Set([1, 2, 3, 4, 5, 6, 7]));
}

function sampled({ count, ids }: Counted): string {
  return count === 0
    ? '0'
    : `${whole(count)} (${ids.map((id) => plain(id.slice(0, 64))).join(', ')}${count > ids.length ? ', …' : ''})`;
}

function whatIfLines({ rules, routed, first, unrouted }: WhatIf): readonly string[] {
  const rows = rules.map(({ name, gained, lost }) => {
    const parts = [gained.count > 0 ? `+ ${sampled(gained)}` : '', lost.count > 0 ? `- ${sampled(lost)}` : ''];
    return [name, parts.filter((part) => part !== '').join('   ')];
  });
  return [
    ...cut(rows.length === 0 ? ['  the same rules take the same events'] : table(rows)),
    `  newly routed ${sampled(routed)}, of them for the first time ${sampled(first)}`,
    `  no longer routed anywhere ${sampled(unrouted)}`,
  ];
}

function recordedLine({ from, events, unjudged, bad, firstBad }: Recorded): readonly string[] {
  const elsewhere = unjudged === 0 ? '' : `; ${whole(unjudged)} not judged, their data is in the store`;
  const left = bad === 0 ? '' : `; ${counted(bad, 'bad line')} left out: ${firstBad.map(plain).join('; ')}`;
  return [`${counted(events, 'event')} of ${plain(from)}${elsewhere}${left}`];
}

function thresholdLine({ key, over, value, passed }: Judged): string {
  const found = key === 'cost' ? value.toFixed(2) : String(value);
  return `  ${passed ? 'FAIL' : 'ok  '}  ${key} ${found}, allowed ${over}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

/** `written`: where the plan was kept, if it was. */
export function reportText(report: PlanReport, written?: string): string {
  const { plan, against, changes, findings, limits, cost, recorded, whatIf, thresholds } = report;
  const of = (level: PlanFinding['level']): number => findings.filter((finding) => finding.level === level).length;
  const summary = [counted(of('error'), 'error'), counted(of('warning'), 'warning'), counted(of('note'), 'note')];
  const title = against === null ? 'changes (there is no earlier plan)' : `changes against ${plain(against)}`;
  return [
    `plan: ${counted(plan.rules.length, 'rule')} on ${plan.bus.kind || 'no bus'}, document ${plan.document || 'with mistakes'}`,
    '',
    `found: ${summary.join(', ')}`,
    ...findingLines(findings),
    ...section(title, changes.length === 0 ? ['  none'] : changeLines(changes)),
    ...section('limits, the nearest first', limitLines(limits)),
    ...section('a million events, side by side (* this bus)', [
      ...costLines(cost.perMillionEvents, plan.bus.kind),
      ...cost.assumptions.map((line) => `  assumed: ${plain(line)}`),
    ]),
    ...(recorded === undefined
      ? []
      : section(
          'what if: the recorded events by the old and the new rules',
          recordedLine(recorded).map((line) => `  ${line}`),
        )),
    ...(whatIf === undefined ? [] : whatIfLines(whatIf)),
    ...section('thresholds', thresholds.map(thresholdLine)),
    '',
    report.ok
      ? `ok${written === undefined ? '' : `; kept as ${written}`}`
      : 'refused: correct what is an error above, or what passed a threshold',
  ].join('\n');
}
