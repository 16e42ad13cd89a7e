// What a push of a custom topic says of itself. Event Grid signs nothing, so nothing here proves who sent a request.
// Source: Azure Event Grid, "Delivery and retry" (an answer within 30 s; no retry of a webhook for 400, 401, 403 and 413).

import type { Push } from '../adapter.ts';
import { handshake } from './handshake.ts';
import { attemptsBefore } from './wire.ts';

/** `origins`: host names that may register, in any case. */
export function eventgridPush(origins: readonly string[]): Push {
  return {
    answerMs: 30_000,
    finalStatuses: [400, 401, 403, 413],
    handshake: (request) => handshake(request, origins),
    attemptsBefore: ({ headers }) => attemptsBefore(headers),
  };
}
