// A plan as data: what a document comes to on a bus, canonical, so that it can be kept in a file and compared with later. It
// holds the rules' conditions, so that old rules can be run again; of targets, sources and options only hashes, because
// those may hold what is not for every eye.

import type { Condition } from '../../router/condition.ts';
import { isObject, type Problem } from '../../router/config.ts';
import { type RouterDocument, readCondition } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError } from '../../router/errors.ts';
import { patternJson } from '../../router/pattern-json.ts';
import type { RetryPolicy } from '../../router/retry.ts';
import { hashOf } from '../../router/rule.ts';
import type { CompiledRule } from './compiled-rule.ts';

export const PLAN_FORMAT = 'busway-plan/1';

/** Something that must exist for the document to run. */
export interface Resource {
  /** 'topic', 'subscription', 'queue', … */
  readonly kind: string;
  readonly name: string;
  /** The rule it is for; absent for what all share. */
  readonly rule?: string;
  /** 16 hex digits over all that can be changed of it. */
  readonly hash: string;
}

export interface PlannedRule {
  readonly name: string;
  /** Of the rule as written: the version that failure records name. */
  readonly hash: string;
  /** The pattern as JSON, or a CESQL text. */
  readonly when: unknown;
  readonly kind: 'exact' | 'wider' | 'none';
  readonly native: unknown;
  /** What is left to the handler: the whole condition, or null. */
  readonly residual: unknown;
  readonly target: string;
  readonly targetHash: string;
  readonly retry: RetryPolicy;
  readonly order: 'key' | null;
  /** "subscription busway-orders-0123456789ab" */
  readonly resources: readonly string[];
}

export interface PlannedPart {
  readonly name: string;
  readonly kind: string;
  readonly hash: string;
}

export interface Plan {
  readonly format: typeof PLAN_FORMAT;
  /** 16 hex digits over the document as written; empty when it has mistakes. */
  readonly document: string;
  readonly bus: Omit<PlannedPart, 'name'>;
  /** Where the data of events over the bus's limit lies. */
  readonly oversize: Omit<PlannedPart, 'name'> | null;
  readonly sources: readonly PlannedPart[];
  /** `kind` is the handler. Null where they are not known: a document by itself lists none. */
  readonly functions: readonly PlannedPart[] | null;
  readonly rules: readonly PlannedRule[];
  readonly resources: readonly Resource[];
}

/** The condition as a document would write it; numbers that no double carries keep their text. */
function written(when: Condition): unknown {
  return when.kind === 'cesql' ? when.text : readDocumentText(patternJson(when));
}

/** `resources`: those of the rule. */
function plannedRule({ rule, split }: CompiledRule, resources: readonly Resource[]): PlannedRule {
  const when = written(rule.when);
  return {
    name: rule.name,
    hash: rule.hash,
    when,
    kind: split.kind,
    native: split.native,
    residual: split.residual === null ? null : when,
    target: rule.to.kind,
    targetHash: hashOf(rule.to),
    retry: rule.retry,
    order: rule.order ?? null,
    resources: resources.map(({ kind, name }) => `${kind} ${name}`),
  };
}

export interface PlanParts {
  readonly document: RouterDocument;
  readonly rules: readonly CompiledRule[];
  readonly resources: readonly Resource[];
  readonly functions: Plan['functions'];
}

export function makePlan({ document, rules, resources, functions }: PlanParts): Plan {
  const { bus, sources } = document;
  const store = document.oversize?.store;
  const ofRule = Map.groupBy(resources, ({ rule }) => rule);
  return {
    format: PLAN_FORMAT,
    document: document.hash,
    bus: { kind: bus.kind, hash: hashOf(bus) },
    oversize: store === undefined ? null : { kind: store.kind, hash: hashOf(store) },
    sources: sources.map(({ name, kind, options }) => ({ name, kind, hash: hashOf({ kind, options }) })),
    functions,
    rules: rules.map((one) => plannedRule(one, ofRule.get(one.rule.name) ?? [])),
    resources,
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isPart = (value: unknown): boolean =>
  isObject(value) && isText(value['name']) && isText(value['kind']) && isText(value['hash']);

const isChoice = (value: unknown): boolean => isObject(value) && isPart({ ...value, name: '' });

function isResource(value: unknown): boolean {
  return isPart(value) && isObject(value) && (value['rule'] === undefined || isText(value['rule']));
}

function isRule(value: unknown): boolean {
  if (!isPart(value) || !isObject(value) || !isObject(value['retry'])) return false;
  const { when, target, targetHash, order, resources } = value;
  const isCondition = isText(when) || isObject(when);
  const isOrder = order === null || order === 'key';
  return isCondition && isOrder && isText(target) && isText(targetHash) && isListOf(resources, isText);
}

function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(holds);
}

/** Whether this is meant to be a plan, or what `busway plan --json` prints; else it may be a router document. */
export function isPlanLike(value: unknown): boolean {
  return isObject(value) && (Object.hasOwn(value, 'format') || isObject(value['plan']));
}

/** A plan from a file, or from the output of `busway plan --json`. Throws CONFIG_INVALID for anything else. */
export function readPlan(value: unknown, file: string): Plan {
  const plan = isObject(value) && isObject(value['plan']) ? value['plan'] : value;
  const sound =
    isObject(plan) &&
    plan['format'] === PLAN_FORMAT &&
    isText(plan['document']) &&
    isChoice(plan['bus']) &&
    (plan['oversize'] === null || isChoice(plan['oversize'])) &&
    isListOf(plan['sources'], isPart) &&
    (plan['functions'] === null || isListOf(plan['functions'], isPart)) &&
    isListOf(plan['rules'], isRule) &&
    isListOf(plan['resources'], isResource);
  if (sound) return plan as unknown as Plan;
  const says = `${file}: is no plan of the format ${PLAN_FORMAT}; write one by busway plan --json > plan.json`;
  throw new RouterError('CONFIG_INVALID', says);
}

/** The rules of a plan, ready to be matched. Throws CONFIG_INVALID with every condition that cannot be read. */
export function rulesOf({ rules }: Plan, file: string): readonly { readonly name: string; readonly when: Condition }[] {
  const problems: Problem[] = [];
  const read = rules.flatMap(({ name, when }, i) => {
    const condition = readCondition(when, `rules[${i}].when`, problems);
    return condition === undefined ? [] : [{ name, when: condition }];
  });
  if (problems.length === 0) return read;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('CONFIG_INVALID', `${file}: the plan has mistakes\n  ${lines.join('\n  ')}`);
}
