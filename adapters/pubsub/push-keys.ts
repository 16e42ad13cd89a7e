// The issuer's public keys, fetched and kept as long as the issuer says. A token with an unknown key id fetches them anew.
// While there are keys that happens every half minute at most: else anybody could make us ask for nothing, and every push
// would wait for an issuer that does not answer. Without keys nothing is verified.

import { RouterError } from '../../router/errors.ts';
import { type PushKey, readPushKeys } from './verify-push.ts';

const GOOGLE_KEYS = 'https://www.googleapis.com/oauth2/v3/certs';
const DEFAULT_AGE_S = 300;
const MAX_AGE_S = 86_400;
const LEAST_MS = 30_000;
const FETCH_MS = 5_000;

export interface PushKeyParts {
  readonly now: () => number;
  readonly url?: string;
}

export interface PushKeys {
  /** Rejects with BUS_UNAVAILABLE when there are none to be had; then the request is to be answered by 503. */
  for(keyId: string | undefined): Promise<readonly PushKey[]>;
}

function ageOf(header: string | null): number {
  const age = Number(/(?:^|[\s,])max-age=(\d{1,9})/.exec(header ?? '')?.[1] ?? DEFAULT_AGE_S);
  return Math.min(MAX_AGE_S, age) * 1_000;
}

export function createPushKeys({ now, url = GOOGLE_KEYS }: PushKeyParts): PushKeys {
  let keys: readonly PushKey[] = [];
  let freshUntil = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;

  async function fetchKeys(): Promise<void> {
    askedAt = now();
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
    const found = response.ok ? readPushKeys(await response.json()) : [];
    if (found.length === 0) throw new Error('no keys');
    keys = found;
    freshUntil = now() + ageOf(response.headers.get('cache-control'));
  }

  function fetchOnce(): Promise<void> {
    underWay ??= fetchKeys().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  return {
    async for(keyId) {
      const sinceAsked = now() - askedAt;
      // A clock that was set back says nothing.
      const askedLately = sinceAsked >= 0 && sinceAsked < LEAST_MS;
      const isKnown = keys.some(({ kid }) => kid === keyId);
      if (isKnown && (askedLately || now() < freshUntil)) return keys;
      if (keys.length > 0 && askedLately && underWay === undefined) return keys;
      try {
        await fetchOnce();
      } catch (cause) {
        // Old keys are better than none: a forged token does not become true by them.
        if (keys.length === 0)
          throw new RouterError('BUS_UNAVAILABLE', "pubsub: the issuer's keys are not to be had", { cause });
      }
      return keys;
    },
  };
}
