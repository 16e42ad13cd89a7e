// The middy stack round the webhook function: one place where an error becomes an answer. Verification works on raw
// bytes, so no body parser stands here.

import middy, { type MiddlewareObj } from '@middy/core';
import { toRouterError } from '../router/errors.ts';
import type { RawRequest, RawResponse } from '../router/http.ts';
import { errorResponse, type WebhookHandler } from './webhook.ts';

export interface MiddlewareParts {
  /** Told of errors that are our own fault; never of a refused request. */
  readonly onFault: (error: unknown) => void;
}

/** Request in, response out; `context` is the host's, empty where there is none. Never rejects. */
export type WrappedWebhook = (request: RawRequest, context: object) => Promise<RawResponse>;

export function wrapWebhook(handler: WebhookHandler, { onFault }: MiddlewareParts): WrappedWebhook {
  const errors: MiddlewareObj<RawRequest, RawResponse> = {
    onError: (request) => {
      const error = toRouterError(request.error);
      if (error.code === 'INTERNAL') onFault(request.error);
      const allow: Record<string, string> = error.code === 'METHOD_NOT_ALLOWED' ? { allow: 'POST, OPTIONS' } : {};
      request.response = errorResponse(error.code, error.message, allow);
    },
  };
  // timeoutEarlyInMillis 0: the timer per call costs more than all the rest of middy, and the bus has its own deadline.
  const wrapped = middy<RawRequest, RawResponse>({ timeoutEarlyInMillis: 0 }).use(errors).handler(handler);
  return wrapped as unknown as WrappedWebhook;
}
