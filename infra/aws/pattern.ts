// A rule's pattern on EventBridge: the text that PutRule takes, and how that text stands in a CloudFormation template. What
// CloudFormation would refuse or take for a function of its own must never stand there as an object.
// Sources: EventBridge API reference, PutRule; aws-cloudformation/cloudformation-coverage-roadmap 1378 ("'null' values are not
// allowed in templates") and 1414 (EventPattern of a rule may be a text), read 2026-11-21.

import { compileFilter } from '../../adapters/eventbridge/filter.ts';
import type { Condition } from '../../router/condition.ts';
import { isObject } from '../../router/config.ts';

export interface PatternLimits {
  /** Characters; the default quota if absent. */
  readonly maxPattern?: number;
  /** Where data may lie in a store, what references to it begin with. */
  readonly uriPrefix?: string | undefined;
}

/** Takes every event: PutEvents refuses one without a source. */
const EVERY_EVENT = '{"source":[{"prefix":""}]}';

/** JSON. It lets through whatever the rule takes; the deliver function checks what it cannot say. */
export function patternOf(when: Condition, limits: PatternLimits = {}): string {
  const { native } = compileFilter(when, limits);
  return native === null ? EVERY_EVENT : JSON.stringify(native);
}

const isFunctionName = (name: string): boolean => name === 'Ref' || name === 'Condition' || name.startsWith('Fn::');

function isTakenAsWritten(value: unknown): boolean {
  if (value === null) return false;
  if (Array.isArray(value)) return value.every(isTakenAsWritten);
  if (!isObject(value)) return true;
  return Object.entries(value).every(([name, below]) => !isFunctionName(name) && isTakenAsWritten(below));
}

/** The object, as people read it, where CloudFormation hands it on as it is; else the text. */
export function templatePattern(pattern: string): unknown {
  const object: unknown = JSON.parse(pattern);
  return isTakenAsWritten(object) ? object : pattern;
}
