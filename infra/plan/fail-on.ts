// Thresholds for a pipeline: routed>100,unrouted>0,cost>5. Pure.

import { unknownName } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';

const keys = ['routed', 'unrouted', 'cost'] as const;
export type ThresholdKey = (typeof keys)[number];

export interface Threshold {
  readonly key: ThresholdKey;
  readonly over: number;
}

/** A threshold beside what was found. */
export interface Judged extends Threshold {
  readonly value: number;
  readonly passed: boolean;
}

const FORM = /^\s*([^>\s]*)\s*>\s*(\d{1,12}(?:\.\d{1,6})?)\s*$/;

function usage(says: string): RouterError {
  return new RouterError('USAGE', `busway plan: --fail-on ${says}`);
}

function readThreshold(text: string): Threshold {
  const [, key, number] = FORM.exec(text) ?? [];
  if (key === undefined || number === undefined) {
    throw usage(
      `takes KEY>NUMBER, such as unrouted>0, found '${text.trim().slice(0, 64)}'; quote it, for > is the shell's`,
    );
  }
  const known = keys.find((one) => one === key);
  if (known === undefined) throw usage(unknownName('key', key, keys));
  return { key: known, over: Number(number) };
}

/** "routed>100,cost>5" → thresholds. Throws USAGE. */
export function readThresholds(text: string): readonly Threshold[] {
  const thresholds = text.split(',').map(readThreshold);
  const twice = thresholds.find(({ key }, i) => thresholds.findIndex((other) => other.key === key) < i);
  if (twice !== undefined) throw usage(`names '${twice.key}' twice`);
  return thresholds;
}

/** What is not there to be judged has no value and is left out. */
export function judge(
  thresholds: readonly Threshold[],
  values: Readonly<Partial<Record<ThresholdKey, number>>>,
): readonly Judged[] {
  return thresholds.flatMap(({ key, over }) => {
    const value = values[key];
    return value === undefined ? [] : [{ key, over, value, passed: value > over }];
  });
}
