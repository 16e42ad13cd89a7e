// What a new plan makes, changes and removes against an earlier one. Pure. Things are known by their names, so the order of a
// document changes nothing. What cannot be changed in place (a subscription's filter) is replaced: made, drained, deleted.

import { canonicalJson } from '../../router/rule.ts';
import type { Plan, PlannedPart, PlannedRule, Resource } from './plan-file.ts';

export interface Change {
  /** 'bus', 'source', 'function', 'rule', or the kind of a resource. */
  readonly thing: string;
  readonly name: string;
  readonly change: 'made' | 'changed' | 'replaced' | 'removed';
  /** Of a resource: the rule it is for. */
  readonly rule?: string;
  /** Of what is changed: which parts. */
  readonly parts?: readonly string[];
  /** Of what is replaced: its name until now. */
  readonly before?: string;
  /** What to do, in this order. */
  readonly steps?: readonly string[];
}

interface Named {
  readonly name: string;
  readonly rule?: string;
}

/** By name: what is only here, what is only there, what is in both and differs by `partsOf`. */
function compareNamed<T extends Named>(
  thing: string,
  [before, after]: readonly [readonly T[], readonly T[]],
  partsOf: (before: T, after: T) => readonly string[],
): readonly Change[] {
  const old = new Map(before.map((one) => [one.name, one]));
  const kept = new Set(after.map(({ name }) => name));
  const about = ({ name, rule }: T): Pick<Change, 'thing' | 'name' | 'rule'> => ({
    thing,
    name,
    ...(rule && { rule }),
  });
  const changes = after.flatMap((one): Change[] => {
    const was = old.get(one.name);
    if (was === undefined) return [{ ...about(one), change: 'made' }];
    const parts = partsOf(was, one);
    return parts.length === 0 ? [] : [{ ...about(one), change: 'changed', parts }];
  });
  const gone = before.filter(({ name }) => !kept.has(name));
  return [...changes, ...gone.map((one): Change => ({ ...about(one), change: 'removed' }))];
}

function partsOfPart(before: PlannedPart, after: PlannedPart): readonly string[] {
  if (before.kind !== after.kind) return ['kind'];
  return before.hash === after.hash ? [] : ['options'];
}

function partsOfRule(before: PlannedRule, after: PlannedRule): readonly string[] {
  const differs = (part: (rule: PlannedRule) => unknown): boolean =>
    canonicalJson(part(before)) !== canonicalJson(part(after));
  const parts: readonly (readonly [name: string, differs: boolean])[] = [
    ['pattern', differs(({ when }) => when)],
    ['target', differs(({ target, targetHash }) => [target, targetHash])],
    ['retry', differs(({ retry }) => retry)],
    ['order', differs(({ order }) => order)],
  ];
  return parts.filter(([, is]) => is).map(([name]) => name);
}

const idOf = ({ kind, name }: Resource): string => `${kind} ${name}`;

/** Where a name holds what cannot be changed, another name for the same rule replaces it. */
function replacements(
  before: readonly Resource[],
  after: readonly Resource[],
): readonly (readonly [Resource, Resource])[] {
  const [old, now] = [new Set(before.map(idOf)), new Set(after.map(idOf))];
  const gone = before.filter((one) => one.rule !== undefined && !now.has(idOf(one)));
  const ofRule = new Map(gone.map((one) => [`${one.kind} ${one.rule}`, one]));
  return after.flatMap((one) => {
    const was = old.has(idOf(one)) ? undefined : ofRule.get(`${one.kind} ${one.rule}`);
    return was === undefined ? [] : [[was, one] as const];
  });
}

function replaced([was, { kind, name, rule }]: readonly [Resource, Resource]): Change {
  const steps = [`make ${name}`, `drain ${was.name}: no more comes in, wait until it is empty`, `delete ${was.name}`];
  return { thing: kind, name, change: 'replaced', ...(rule && { rule }), before: was.name, steps };
}

function compareResources(before: readonly Resource[], after: readonly Resource[]): readonly Change[] {
  const pairs = replacements(before, after);
  const paired = new Set(pairs.flat());
  const left = before.filter((one) => !paired.has(one));
  const fresh = after.filter((one) => !paired.has(one));
  const kinds = [...new Set([...fresh, ...left].map(({ kind }) => kind))];
  const others = kinds.flatMap((kind) => {
    const ofKind = (list: readonly Resource[]): readonly Resource[] => list.filter((one) => one.kind === kind);
    return compareNamed(kind, [ofKind(left), ofKind(fresh)], (a, b) => (a.hash === b.hash ? [] : ['settings']));
  });
  return [...others, ...pairs.map(replaced)];
}

function compareBuses(before: Plan['bus'] | undefined, after: Plan['bus']): readonly Change[] {
  const name = after.kind;
  if (name === '') return [];
  if (before === undefined) return [{ thing: 'bus', name, change: 'made' }];
  if (before.kind !== name) {
    const steps = [
      `publish to ${name}`,
      `drain ${before.kind}: what it holds is not carried over`,
      `take ${before.kind} down`,
    ];
    return [{ thing: 'bus', name, change: 'replaced', before: before.kind, steps }];
  }
  return before.hash === after.hash ? [] : [{ thing: 'bus', name, change: 'changed', parts: ['options'] }];
}

/** Where they are not known on one side, nothing can be said of them. */
function functionChanges(earlier: Plan | undefined, { functions }: Plan): readonly Change[] {
  const before = earlier === undefined ? [] : earlier.functions;
  return before === null || functions === null ? [] : compareNamed('function', [before, functions], partsOfPart);
}

/** It has no name but its kind. */
function asList(store: Plan['oversize'] | undefined): readonly PlannedPart[] {
  return store === null || store === undefined ? [] : [{ name: store.kind, ...store }];
}

/**
 * Without an earlier plan all is made. `left` names rules that the document has but that could not be planned: they are
 * neither here nor gone.
 */
export function changesBetween(earlier: Plan | undefined, plan: Plan, left: ReadonlySet<string>): readonly Change[] {
  const rules = (earlier?.rules ?? []).filter(({ name }) => !left.has(name));
  // Of a bus that nobody knows nothing can be said.
  const known = plan.bus.kind === '' ? [] : (earlier?.resources ?? []);
  const resources = known.filter(({ rule }) => rule === undefined || !left.has(rule));
  return [
    ...compareBuses(earlier?.bus, plan.bus),
    ...compareNamed('store of oversized data', [asList(earlier?.oversize), asList(plan.oversize)], partsOfPart),
    ...compareNamed('source', [earlier?.sources ?? [], plan.sources], partsOfPart),
    ...functionChanges(earlier, plan),
    ...compareNamed('rule', [rules, plan.rules], partsOfRule),
    // Things of two buses have nothing to do with each other, whatever they are called.
    ...(earlier?.bus.kind === plan.bus.kind
      ? compareResources(resources, plan.resources)
      : [...compareResources([], plan.resources), ...compareResources(resources, [])]),
  ];
}
