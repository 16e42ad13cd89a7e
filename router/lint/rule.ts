// Lint of one rule by itself: its lists, its $or branches, and whether it can match at all or matches whatever comes.

import type { Pattern } from '../pattern.ts';
import { subRulesOf } from '../sub-rule.ts';
import { type LeafFinding, lintLeaf } from './alternatives.ts';
import { fieldOf, impossible, type JsonSchema } from './field.ts';
import type { Finding } from './finding.ts';
import {
  alwaysMatches,
  branchOf,
  contradiction,
  implies,
  isEmpty,
  type NormalForm,
  neverMatches,
  normalForm,
} from './normal-form.ts';
import { valuesOf } from './values.ts';

interface Place {
  /** As the rule writes it: 'when.$or[0].data'. */
  readonly at: string;
  /** As an event has it: 'data.'; empty at the top. */
  readonly prefix: string;
  readonly data: JsonSchema | undefined;
  /** Whether the rule asks for absence anywhere: below a list that hangs on what the other clauses chose. */
  readonly absence: boolean;
}

function asksForAbsence({ entries }: Pattern): boolean {
  return entries.some((entry) => {
    if (entry.kind === 'or') return entry.anyOf.some(asksForAbsence);
    if (entry.of.kind === 'fields') return asksForAbsence(entry.of);
    return entry.of.anyOf.some((test) => test.op === 'exists' && !test.value);
  });
}

/** The pattern as if it stood at the top. */
function placed(pattern: Pattern, prefix: string): Pattern {
  if (prefix === '') return pattern;
  return { kind: 'fields', entries: [{ kind: 'field', name: prefix.slice(0, -1), of: pattern }] };
}

function lintBranches(anyOf: readonly Pattern[], { at, prefix, data, absence }: Place): LeafFinding[] {
  const forms = anyOf.map((branch) => normalForm(placed(branch, prefix), data));
  return forms.flatMap((form, i): LeafFinding[] => {
    const here = `${at}[${i}]`;
    if (neverMatches(form)) {
      const says = 'never matches, so this branch is never taken';
      return [{ kind: 'never-matches', level: 'warning', at: here, says, fix: 'correct it or take it out' }];
    }
    // A branch that says less also chooses less, and then an absence beside it can fail.
    if (absence) return [];
    const by = forms.findIndex((other, k) => {
      if (k === i || neverMatches(other) || !implies(form, other)) return false;
      return k < i || !implies(other, form);
    });
    if (by === -1) return [];
    const says = `is covered by ${at}[${by}]: whatever matches it matches that branch too`;
    return [{ kind: 'shadowed', level: 'warning', at: here, says, fix: 'take one of them out' }];
  });
}

function lintFields(pattern: Pattern, place: Place): LeafFinding[] {
  return pattern.entries.flatMap((entry): readonly LeafFinding[] => {
    if (entry.kind === 'or') {
      const at = `${place.at}.$or`;
      const below = entry.anyOf.flatMap((branch, i) => lintFields(branch, { ...place, at: `${at}[${i}]` }));
      return [...below, ...lintBranches(entry.anyOf, { ...place, at })];
    }
    const [at, path] = [`${place.at}.${entry.name}`, place.prefix + entry.name];
    if (entry.of.kind === 'leaf') return lintLeaf(entry.of, { at, field: fieldOf(path, place.data) });
    return lintFields(entry.of, { ...place, at, prefix: `${path}.` });
  });
}

/** Why a pattern that never matches does not: the first thing that no event can meet. */
function why(pattern: Pattern, data: JsonSchema | undefined): string {
  const [first] = subRulesOf(pattern);
  const branch = branchOf(first!, data);
  const path = contradiction(branch)!;
  const field = fieldOf(path, data);
  if (!isEmpty(branch.get(path)!))
    return `'${path}' needs JSON data, and 'datacontenttype' asks for data that is not JSON`;
  const { anyOf } = first!.find(([name]) => name === path)![1];
  const reasons = anyOf.map((test) => {
    const values = valuesOf(test);
    return values === undefined ? `every CloudEvent has '${path}'` : impossible(values, field)?.says;
  });
  return reasons.find((reason) => reason !== undefined) ?? `nothing can be at '${path}'`;
}

/** A rule that takes all events has to name some field; this is how to write it openly. */
function saysSoOpenly({ entries }: Pattern): boolean {
  return entries.every((entry) => {
    if (entry.kind !== 'field' || entry.of.kind !== 'leaf') return false;
    return entry.of.anyOf.every((test) => test.op === 'exists' && test.value);
  });
}

function lintWhole(pattern: Pattern, form: NormalForm, data: JsonSchema | undefined): LeafFinding[] {
  if (neverMatches(form)) {
    const fix = 'correct the pattern, or take the rule out';
    return [{ kind: 'never-matches', level: 'error', at: 'when', says: `never matches: ${why(pattern, data)}`, fix }];
  }
  if (!alwaysMatches(form)) return [];
  const level = saysSoOpenly(pattern) ? 'note' : 'warning';
  const fix = 'if that is meant, write { "id": [{ "exists": true }] }, else name what it is for';
  return [{ kind: 'always-matches', level, at: 'when', says: 'matches every event', fix }];
}

export interface LintedRule {
  readonly form: NormalForm;
  readonly findings: readonly Finding[];
}

/** What a pattern says of itself, and its normal form for comparing it with others. */
export function lintPattern(rule: string, pattern: Pattern, data?: JsonSchema): LintedRule {
  const form = normalForm(pattern, data);
  const whole = lintWhole(pattern, form, data);
  const parts = lintFields(pattern, { at: 'when', prefix: '', data, absence: asksForAbsence(pattern) });
  // A rule that never matches says why once; a wrong type is named at its place all the same.
  const told = neverMatches(form) ? parts.filter(({ kind }) => kind !== 'never-matches') : parts;
  return { form, findings: [...whole, ...told].map((finding) => ({ rule, ...finding })) };
}
