// What the simulators share: ids and numbers that look real and depend on (kind, sample, seed) only, so that the same
// seed sent again is the same delivery, as a provider's retry is. Never randomness, never the clock.

import { createHash } from 'node:crypto';
import { unknownName } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';

export interface Seeded {
  /** 64 lower-case hex digits, different for each label. */
  hex(label: string): string;
  /** In the form of a version 4 UUID. */
  uuid(label: string): string;
  /** From 0 to below `limit` (at most 2^32). */
  number(label: string, limit: number): number;
}

export function seeded(...parts: readonly string[]): Seeded {
  const digest = (label: string) =>
    createHash('sha256')
      .update([...parts, label].join('\0'))
      .digest();
  return {
    hex: (label) => digest(label).toString('hex'),
    uuid: (label) => {
      const hex = digest(label).toString('hex');
      const variant = '89ab'[Number.parseInt(hex[16]!, 16) % 4];
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
    },
    number: (label, limit) => digest(label).readUInt32BE(0) % limit,
  };
}

/** 2026-01-31T09:30:00Z: whole seconds, as most providers write it. */
export function stamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

export function unknownSample(kind: string, sample: string, samples: readonly string[]): RouterError {
  return new RouterError('USAGE', `${kind}: ${unknownName('sample', sample, samples)}`);
}
