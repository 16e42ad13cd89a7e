// Everything plan has to say of a document, in one list, errors first: its mistakes, lint by meaning, what its bus filters
// wider, limits, what its bus cannot do. Pure. A rule with a mistake is told once; the others are looked at all the same.

import type { Problem } from '../../router/config.ts';
import type { Survey } from '../../router/document.ts';
import { lintForBus } from '../../router/lint/bus.ts';
import { lintRules } from '../../router/lint/rules.ts';
import type { Limit } from './bus-plan.ts';
import { type CompiledRule, placeOf } from './compiled-rule.ts';
import type { PlanFinding } from './finding.ts';

/** Near, and worth a word: a few more and it is over. */
export const NEAR = 0.8;

const RULE_PATH = /^rules\[(\d+)\]\.?(.*)$/;

/** "rules[2].to.log" → "rules[2] 'orders' to.log" */
function named(path: string, names: ReadonlyMap<number, string>): string {
  const [, place = '', below = ''] = RULE_PATH.exec(path) ?? [];
  const name = names.get(Number(place));
  return place === '' || name === undefined ? path : `rules[${place}] '${name}' ${below}`.trimEnd();
}

/** `standIn`: the bus was named on the command line, so that what the document would have to say of it is missing. */
function ofProblems({ problems, places }: Survey, standIn: boolean): readonly PlanFinding[] {
  const names = new Map([...places].map(([name, place]) => [place, name]));
  return problems.map(({ path, says }: Problem): PlanFinding => {
    const at = named(path, names) || 'document';
    if (!standIn || path !== 'bus') return { level: 'error', kind: 'document', at, says };
    return { level: 'note', kind: 'document', at, says, fix: 'write it in the document when you move there' };
  });
}

function ofLint({ document, places }: Survey): readonly PlanFinding[] {
  const sources = document.sources.filter(({ kind }) => kind !== '');
  return lintRules(document.rules, { sources }).map(({ rule, level, kind, at, says, fix }) => ({
    level,
    kind,
    at: `${placeOf(rule, places)} ${at}`,
    says,
    fix,
  }));
}

/** Sizes and counts are left to the limits, which know the account's quotas. */
function ofDialect(rules: readonly CompiledRule[], bus: string): readonly PlanFinding[] {
  if (bus !== 'eventbridge') return [];
  return rules.flatMap(({ at, rule: { when } }) => {
    const found = when.kind === 'fields' ? lintForBus(when, 'eventbridge') : [];
    return found
      .filter((one) => one.at !== 'when')
      .map(({ level, says, fix, ...one }): PlanFinding => ({ level, kind: 'bus', at: `${at} ${one.at}`, says, fix }));
  });
}

function ofFilters(rules: readonly CompiledRule[], bus: string): readonly PlanFinding[] {
  return rules.flatMap(({ at, split: { kind, why, fix } }): PlanFinding[] => {
    if (kind === 'exact') return [];
    const reason = why === undefined ? '' : `: ${why}`;
    const says =
      kind === 'wider'
        ? `is filtered wider by ${bus}, and the handler sorts out the rest${reason}`
        : `is not filtered by ${bus}, so that every event goes to the handler${reason}`;
    return [
      { level: 'note', kind: 'wider', at: `${at} when`, says, ...(fix === undefined || fix === '' ? {} : { fix }) },
    ];
  });
}

function ofLimits(limits: readonly Limit[]): readonly PlanFinding[] {
  return limits.flatMap(({ at, what, used, limit, over, fix }): PlanFinding[] => {
    const share = used / limit;
    if (share < NEAR) return [];
    const isOver = used > limit;
    const then = over === 'warning' ? 'the bus filters wider' : 'the bus refuses it';
    const says = isOver
      ? `${used} of ${limit} ${what}: over the limit, ${then}`
      : `${used} of ${limit} ${what} (${Math.floor(share * 100)} %): beyond the limit ${then}`;
    return [{ level: isOver ? over : 'warning', kind: 'limit', at, says, ...(fix === '' ? {} : { fix }) }];
  });
}

export interface FindingParts {
  readonly survey: Survey;
  /** The bus was named on the command line, and the document says nothing of it. */
  readonly standIn: boolean;
  readonly rules: readonly CompiledRule[];
  /** Whether the bus filters at all. */
  readonly filters: boolean;
  readonly limits: readonly Limit[];
  readonly gaps: readonly PlanFinding[];
  /** What was found outside: variables that are not set, a list of functions that cannot be read. */
  readonly others: readonly PlanFinding[];
}

const ranks = { error: 0, warning: 1, note: 2 };

export function findingsOf(parts: FindingParts): readonly PlanFinding[] {
  const { survey, standIn, rules, filters, limits, gaps, others } = parts;
  const bus = survey.document.bus.kind;
  const found = [
    ...ofProblems(survey, standIn),
    ...ofLint(survey),
    ...ofDialect(rules, bus),
    ...ofLimits(limits),
    ...gaps,
    ...(filters ? ofFilters(rules, bus) : []),
    ...others,
  ];
  return found.sort((a, b) => ranks[a.level] - ranks[b.level]);
}
