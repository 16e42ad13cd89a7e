// A checked rule as data, and its hash: the version that a failure record names.

import { createHash } from 'node:crypto';
import type { Condition } from './condition.ts';
import { isObject, type Options } from './config.ts';
import type { RetryPolicy } from './retry.ts';
import { isRawNumber } from './wire/json-tree.ts';

export interface Rule {
  readonly name: string;
  readonly when: Condition;
  readonly to: { readonly kind: string; readonly options: Options };
  readonly retry: RetryPolicy;
  readonly order: 'key' | undefined;
  /** 16 hex digits of SHA-256 over the rule's canonical JSON as written. */
  readonly hash: string;
}

/** JSON with object keys sorted: equal documents give equal text whatever the order they were written in. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value) || isRawNumber(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}
