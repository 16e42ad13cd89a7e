// A rule's condition -> an EventBridge event pattern below `detail`, where the whole structured event stands. Pure. Law: what
// matches the rule passes the pattern. It is exact wherever EventBridge is known to take the pattern and to mean the same;
// a clause of which that is not known is widened or left out, said so, and the handler checks the whole rule again.
// Limits of the service come from router/lint/bus.ts.

import { asksForData, attributePart } from '../../router/attribute-part.ts';
import type { CesqlCondition, Condition } from '../../router/condition.ts';
import { cesqlFormula } from '../../router/dialect/from-cesql.ts';
import { formulaToPattern } from '../../router/dialect/to-pattern.ts';
import { lintForBus } from '../../router/lint/bus.ts';
import type { Leaf, Pattern } from '../../router/pattern.ts';
import { expand } from '../../router/sub-rule.ts';
import type { Split } from '../adapter.ts';
import {
  type Clause,
  type Clauses,
  countWays,
  isInData,
  shrinkClauses,
  withoutAbsence,
  writeClauses,
} from './filter-clause.ts';
import { anyValue, nativeTest, shorterTests } from './filter-test.ts';
import { toEventBridgeOptions } from './options.ts';

/** What EventPattern of PutRule holds, as JSON. */
export interface EventBridgePattern {
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface FilterLimits {
  /** Characters of a pattern; the default quota if absent. */
  readonly maxPattern?: number;
  /** Where data may lie in a store, what references to it begin with. */
  readonly uriPrefix?: string | undefined;
}

interface Limits extends FilterLimits {
  readonly maxPattern: number;
}

interface Note {
  readonly at: string;
  readonly why: string;
  readonly fix: string;
}

interface Walk {
  readonly notes: Note[];
  /** Whether a clause on data was left out, on which others may depend. */
  unsettled: boolean;
  /** Place -> what lint found there. */
  readonly findings: ReadonlyMap<string, Note>;
  /** Set twice in one branch: which of them counts is not known. */
  readonly repeated: ReadonlySet<string>;
}

interface Place {
  /** As lint writes it: 'when.$or[0].data'. */
  readonly at: string;
  /** Of names, from the event's top. */
  readonly path: readonly string[];
  /** Of names, from the last $or. */
  readonly local: readonly string[];
}

// The User Guide lets $or lists multiply to a thousand.
const MAX_WAYS = 1_000;

/** What the structured form of an event has and a rule cannot see: bytes that are no text. */
const HIDDEN = 'data_base64';

const isData = (path: readonly string[]): boolean => path[0] === 'data' || path[0]?.startsWith('data.') === true;

function leafClause(leaf: Leaf, { at, path, local }: Place, walk: Walk): Clause {
  const tests = leaf.anyOf.map((test, i) => {
    const here = `${at}[${i}]`;
    const finding = walk.findings.get(here);
    const native = finding === undefined ? nativeTest(test) : { json: anyValue, ...finding };
    if (native.why !== undefined) walk.notes.push({ at: here, why: native.why, fix: native.fix ?? '' });
    return native.json;
  });
  const absence = leaf.anyOf.some((test) => test.op === 'exists' && !test.value);
  const clause = { kind: 'leaf', path: local, inData: isData(path), absence } as const;
  if (tests.includes(anyValue)) {
    return { ...clause, tests: absence ? [anyValue, { exists: false }] : [anyValue], shorter: undefined };
  }
  const shorter = shorterTests(leaf.anyOf);
  const isShorter = shorter !== undefined && JSON.stringify(shorter).length < JSON.stringify(tests).length;
  return { ...clause, tests, shorter: isShorter ? shorter : undefined };
}

/** What stands in the way of the name that a path ends in, or undefined. */
function nameProblem({ at, path }: Place, walk: Walk): Note | undefined {
  const finding = walk.findings.get(at);
  if (finding !== undefined) return finding;
  if (path.at(-1)?.isWellFormed() === false) return { at, why: 'its name has a lone surrogate', fix: 'leave it out' };
  if (path.length === 1 && path[0] === HIDDEN) {
    const why = 'rules do not see bytes, but the bus does: an event that carries them has this name there';
    return { at, why, fix: "ask for 'data' or 'datacontenttype'" };
  }
  const whole = path.join('.');
  if (!walk.repeated.has(whole)) return undefined;
  return { at, why: `'${whole}' is set twice in one branch, and which counts is not known`, fix: 'join the lists' };
}

function orClauses(branches: readonly Pattern[], place: Place, walk: Walk): Clauses {
  const anyOf = branches.map((branch, i) =>
    clausesOf(branch, { ...place, at: `${place.at}.$or[${i}]`, local: [] }, walk),
  );
  if (anyOf.every((branch) => branch.length > 0)) return [{ kind: 'or', path: place.local, anyOf }];
  // A branch that asks for nothing takes everything, and so does the list then.
  walk.unsettled ||= anyOf.some((branch) => branch.some(isInData));
  return [];
}

/** The clauses of a pattern; what cannot be said is noted and left out. */
function clausesOf(pattern: Pattern, place: Place, walk: Walk): Clauses {
  return pattern.entries.flatMap((entry): Clauses => {
    if (entry.kind === 'or') return orClauses(entry.anyOf, place, walk);
    const { name, of } = entry;
    const here = { at: `${place.at}.${name}`, path: [...place.path, name], local: [...place.local, name] };
    const problem = nameProblem(here, walk);
    if (problem === undefined) return of.kind === 'leaf' ? [leafClause(of, here, walk)] : clausesOf(of, here, walk);
    walk.notes.push(problem);
    walk.unsettled ||= isData(here.path);
    return [];
  });
}

function findingsOf(pattern: Pattern): ReadonlyMap<string, Note> {
  const found = lintForBus(pattern, 'eventbridge').filter(({ at }) => at !== 'when');
  return new Map(found.map(({ at, says, fix }) => [at, { at, why: says, fix }]));
}

function noted(notes: readonly Note[]): Pick<Split<never>, 'why' | 'fix'> {
  const why = notes.map((note) => `${note.at}: ${note.why}`);
  const fix = notes.map((note) => note.fix).filter((text) => text !== '');
  return { why: [...new Set(why)].join('; '), fix: [...new Set(fix)].join('; ') };
}

function written(clauses: Clauses): EventBridgePattern {
  return { detail: writeClauses(clauses, () => {}) };
}

/** Clauses that may stand together in one pattern, and from which any may be dropped. */
function settled(clauses: Clauses, walk: Walk): Clauses {
  writeClauses(clauses, (path) => {
    const at = `when.${path.join('.')}`;
    walk.notes.push({ at, why: 'an object of JSON cannot hold both clauses of this name', fix: 'write it once' });
    walk.unsettled = true;
  });
  if (!walk.unsettled) return clauses;
  const left = withoutAbsence(clauses);
  if (JSON.stringify(left) !== JSON.stringify(clauses)) {
    const why = "'exists: false' on data goes with what was left out, because that chose the elements it looks at";
    walk.notes.push({ at: 'when', why, fix: '' });
  }
  return left;
}

function tooLong(clauses: Clauses, maxPattern: number): Note | undefined {
  const size = JSON.stringify(written(clauses)).length;
  if (size > maxPattern) {
    const why = `takes ${size} characters below 'detail', and ${maxPattern} are allowed`;
    const fix = "split the rule, replace lists by a prefix, or have the quota 'event pattern size' raised (maxPattern)";
    return { at: 'when', why, fix };
  }
  const ways = countWays(clauses);
  if (ways <= MAX_WAYS) return undefined;
  const why = `its $or lists make ${ways} combinations, and EventBridge is known to take ${MAX_WAYS}`;
  return { at: 'when', why, fix: 'split the rule' };
}

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Takes besides the events whose data lies in the store: by their attributes, and the handler asks the rule when it has the
 * data. What both ask for stands once. On attributes no clause depends on another, as there are no arrays.
 */
function orElsewhere(
  clauses: Clauses,
  pattern: Pattern,
  { uriPrefix, walk }: { uriPrefix: string; walk: Walk },
): Clauses {
  if (clauses.length === 0) return clauses;
  const part = attributePart(pattern);
  const light = part?.kind === 'fields' ? clausesOf(part, { at: 'when', path: [], local: [] }, walk) : [];
  const isShared = (clause: Clause): boolean =>
    clause.kind === 'leaf' && !clause.inData && light.some((one) => isEqual(one, clause));
  const shared = clauses.filter(isShared);
  const own = clauses.filter((clause) => !isShared(clause));
  if (own.length === 0) return shared;
  const others = light.filter((one) => !shared.some((clause) => isEqual(one, clause)));
  const tests = [{ prefix: uriPrefix }];
  const reference: Clause = {
    kind: 'leaf',
    path: ['dataref'],
    inData: false,
    absence: false,
    tests,
    shorter: undefined,
  };
  return [...shared, { kind: 'or', path: [], anyOf: [own, [...others, reference]] }];
}

const ELSEWHERE: Note = {
  at: 'when',
  why: "an event whose data lies in the store of 'oversize' passes by its attributes alone",
  fix: 'ask for attributes only, or send less than the bus takes',
};

function compilePattern(pattern: Pattern, { maxPattern, uriPrefix }: Limits): Split<EventBridgePattern> {
  const repeated = new Set<string>();
  const ways = expand(pattern, (path) => void repeated.add(path));
  if (typeof ways === 'string') {
    return { kind: 'none', native: null, residual: pattern, why: `when: ${ways}`, fix: 'split the rule' };
  }
  const walk: Walk = { notes: [], unsettled: false, findings: findingsOf(pattern), repeated };
  const own = settled(clausesOf(pattern, { at: 'when', path: [], local: [] }, walk), walk);
  const isAway = uriPrefix !== undefined && asksForData(pattern);
  if (isAway) walk.notes.push(ELSEWHERE);
  const clauses = isAway ? orElsewhere(own, pattern, { uriPrefix, walk }) : own;
  const long = tooLong(clauses, maxPattern);
  if (long !== undefined) walk.notes.push(long);
  const fitting = shrinkClauses(clauses, (left) => tooLong(left, maxPattern) === undefined);
  const native = written(fitting);
  if (walk.notes.length === 0) return { kind: 'exact', native, residual: null };
  if (fitting.length === 0) return { kind: 'none', native: null, residual: pattern, ...noted(walk.notes) };
  return { kind: 'wider', native, residual: pattern, ...noted(walk.notes) };
}

/** By way of a pattern that takes all that the expression takes; exact where both steps are. */
function compileCesql(when: CesqlCondition, limits: Limits): Split<EventBridgePattern> {
  const { result, lossy } = formulaToPattern(cesqlFormula(when.expression));
  const notes = lossy.map(({ path, clause, why }): Note => ({ at: `${path}: ${clause}`, why, fix: 'write a pattern' }));
  if (result === undefined) return { kind: 'none', native: null, residual: when, ...noted(notes) };
  const split = compilePattern(result, limits);
  if (split.kind === 'exact' && notes.length === 0) return split;
  const all = noted([
    ...notes,
    ...(split.why === undefined ? [] : [{ at: 'when', why: split.why, fix: split.fix ?? '' }]),
  ]);
  return split.native === null
    ? { kind: 'none', native: null, residual: when, ...all }
    : { kind: 'wider', native: split.native, residual: when, ...all };
}

/** What a rule becomes on EventBridge. Total. */
export function compileFilter(when: Condition, limits: FilterLimits = {}): Split<EventBridgePattern> {
  const all = { maxPattern: limits.maxPattern ?? toEventBridgeOptions({}).maxPattern, uriPrefix: limits.uriPrefix };
  return when.kind === 'fields' ? compilePattern(when, all) : compileCesql(when, all);
}
