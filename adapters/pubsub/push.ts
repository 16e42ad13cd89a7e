// What a push of Pub/Sub says of itself: the service's OIDC token is the proof, and without the issuer's keys nothing is
// believed. It comes again after any status but success, so none is final.

import { RouterError } from '../../router/errors.ts';
import type { Push } from '../adapter.ts';
import { pushAttempt } from './decode.ts';
import { PUSH_DEADLINE_S } from './definitions.ts';
import type { PushOptions } from './options.ts';
import type { PushKeys } from './push-keys.ts';
import { bearerToken, keyIdOf, verifyPush } from './verify-push.ts';

export function pubsubPush(expected: PushOptions, keys: PushKeys, now: () => number): Push {
  return {
    answerMs: PUSH_DEADLINE_S * 1_000,
    finalStatuses: [],
    async authenticate({ headers }) {
      const token = bearerToken(headers['authorization']);
      // Who sends no token makes us ask for no keys.
      const known = token === undefined ? [] : await keys.for(keyIdOf(token));
      const verified = verifyPush(token, known, { ...expected, now: now() });
      if (!verified.ok) throw new RouterError(verified.code, verified.reason);
    },
    attemptsBefore: (request) => pushAttempt(request) - 1,
  };
}
