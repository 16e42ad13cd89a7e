// What Amazon's dialects take of the pattern language, apart from the language itself: sizes, counts and operators.
// A document is valid without this; it is for those who put a rule on such a bus. The pattern stands below `detail`, as
// the whole structured event does. What is not known to be taken is said so, not guessed.
// Sources: EventBridge User Guide, "Quotas", "Comparison operators for use in event patterns", "Filtering events for a
// subscriber"; API reference of PutRule, Pipes and EventsV2 (read 2026-11-20).

import type { Pattern, Test } from '../pattern.ts';
import { patternJson, showTest } from '../pattern-json.ts';
import { expand } from '../sub-rule.ts';
import type { Finding, FindingLevel } from './finding.ts';

/** eventbridge: rules of a bus (Classic); eventbridge-v2: subscribers of the new Custom Event Bus; pipes: filters. */
export type Dialect = 'eventbridge' | 'eventbridge-v2' | 'pipes';

export interface BusFinding {
  readonly level: FindingLevel;
  readonly at: string;
  readonly says: string;
  readonly fix: string;
}

interface Limits {
  readonly title: string;
  /** Characters of a pattern: what the API takes, and what the quota allows until it is raised. */
  readonly maxSize: number;
  readonly defaultSize: number;
  /** Names below which the event lies. */
  readonly below: string | undefined;
  readonly rules?: { readonly max: number; readonly withWildcards: number };
}

const dialects: Readonly<Record<Dialect, Limits>> = {
  eventbridge: {
    title: 'EventBridge',
    maxSize: 4096,
    defaultSize: 2048,
    below: 'detail',
    // 30 is fixed; 300 is 100 in a few regions, and can be raised.
    rules: { max: 300, withWildcards: 30 },
  },
  'eventbridge-v2': { title: 'EventBridge V2', maxSize: 4096, defaultSize: 4096, below: 'detail' },
  pipes: { title: 'EventBridge Pipes', maxSize: 4096, defaultSize: 4096, below: undefined },
};

function hasWildcard(test: Test): boolean {
  return test.op === 'wildcard' || (test.op === 'anything-but' && test.not.some(({ op }) => op === 'wildcard'));
}

function anyTest(pattern: Pattern, holds: (test: Test) => boolean): boolean {
  return pattern.entries.some((entry) => {
    if (entry.kind === 'or') return entry.anyOf.some((branch) => anyTest(branch, holds));
    return entry.of.kind === 'leaf' ? entry.of.anyOf.some(holds) : anyTest(entry.of, holds);
  });
}

function lintTest(test: Test, at: string, dialect: Dialect): readonly BusFinding[] {
  const { title } = dialects[dialect];
  const found = (level: FindingLevel, says: string, fix: string): BusFinding[] => [{ level, at, says, fix }];
  const unknown = `is not known to be taken by ${title}`;
  if (test.op === 'exactly') return found('warning', `'exactly' ${unknown}`, `write ${JSON.stringify(test.value)}`);
  if (test.op === 'number-text') {
    const says = `the number ${showTest(test)}, which no double has exactly, ${unknown}`;
    return found('warning', says, 'send such numbers as strings');
  }
  if (dialect === 'eventbridge-v2' && hasWildcard(test)) {
    return found('error', `${title} has no wildcard`, 'use prefix or suffix');
  }
  const [not] = test.op === 'anything-but' ? test.not : [];
  if (dialect !== 'pipes' || not === undefined || not.op === 'equals') return [];
  const says = `${title} takes anything-but with strings or numbers only, not with ${not.op}`;
  return found('error', says, 'list the values, or filter behind the pipe');
}

function lintEntries(pattern: Pattern, at: string, dialect: Dialect): readonly BusFinding[] {
  return pattern.entries.flatMap((entry): readonly BusFinding[] => {
    if (entry.kind === 'or') {
      return entry.anyOf.flatMap((branch, i) => lintEntries(branch, `${at}.$or[${i}]`, dialect));
    }
    const here = `${at}.${entry.name}`;
    const dotted: BusFinding = {
      level: 'warning',
      at: here,
      says: `the name '${entry.name}' has a dot, and names joined by dots are not known to be taken by ${dialects[dialect].title}`,
      fix: 'nest the names',
    };
    const { of } = entry;
    const below =
      of.kind === 'leaf'
        ? of.anyOf.flatMap((test, i) => lintTest(test, `${here}[${i}]`, dialect))
        : lintEntries(of, here, dialect);
    return entry.name.includes('.') ? [dotted, ...below] : below;
  });
}

function lintSize(pattern: Pattern, dialect: Dialect): readonly BusFinding[] {
  const { title, maxSize, defaultSize, below } = dialects[dialect];
  const written = patternJson(pattern);
  const size = below === undefined ? written.length : `{"${below}":${written}}`.length;
  if (size <= defaultSize) return [];
  const where = below === undefined ? '' : ` below '${below}'`;
  const says = `takes ${size} characters as JSON${where}; ${title} takes ${defaultSize}`;
  const split = 'split the rule, or replace lists by a prefix';
  if (size > maxSize) {
    const most = maxSize === defaultSize ? '' : `, and ${maxSize} at most when the quota is raised`;
    return [{ level: 'error', at: 'when', says: `${says}${most}`, fix: split }];
  }
  const fix = `ask for the quota 'event pattern size' to be raised, up to ${maxSize}, or ${split}`;
  return [{ level: 'warning', at: 'when', says: `${says} by default`, fix }];
}

function lintRepeats(pattern: Pattern, dialect: Dialect): readonly BusFinding[] {
  const repeated: string[] = [];
  expand(pattern, (path) => void repeated.push(path));
  const says = `in one branch; which of them counts on ${dialects[dialect].title} is not known`;
  return repeated.map((path) => ({
    level: 'warning',
    at: 'when',
    says: `sets '${path}' twice ${says}`,
    fix: 'join the lists',
  }));
}

/** One pattern; `at` of what is found begins with 'when'. */
export function lintForBus(pattern: Pattern, dialect: Dialect): readonly BusFinding[] {
  return [...lintSize(pattern, dialect), ...lintRepeats(pattern, dialect), ...lintEntries(pattern, 'when', dialect)];
}

export interface BusRule {
  readonly name: string;
  readonly when: Pattern;
}

/** All rules of one bus: each pattern, and how many rules there may be. The first rule beyond a limit is named. */
export function lintRulesForBus(rules: readonly BusRule[], dialect: Dialect): readonly Finding[] {
  const { title, rules: limit } = dialects[dialect];
  const found = (rule: BusRule, finding: BusFinding): Finding => ({ rule: rule.name, kind: 'bus', ...finding });
  const each = rules.flatMap((rule) => lintForBus(rule.when, dialect).map((finding) => found(rule, finding)));
  if (limit === undefined) return each;
  const wild = rules.filter(({ when }) => anyTest(when, hasWildcard));
  const [oneWildTooMany, oneTooMany] = [wild[limit.withWildcards], rules[limit.max]];
  if (oneWildTooMany !== undefined) {
    const says = `is rule ${limit.withWildcards + 1} of ${wild.length} with a wildcard; an ${title} bus takes ${limit.withWildcards}, which cannot be raised`;
    const fix = 'use prefix or suffix, or a second bus';
    each.push(found(oneWildTooMany, { level: 'error', at: 'when', says, fix }));
  }
  if (oneTooMany !== undefined) {
    const says = `is rule ${limit.max + 1} of ${rules.length}; an ${title} bus takes ${limit.max} by default`;
    const fix = "ask for the quota 'rules' to be raised, or use a second bus";
    each.push(found(oneTooMany, { level: 'warning', at: 'when', says, fix }));
  }
  return each;
}
