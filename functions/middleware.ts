// The middy stack round the HTTP functions: one place where an error becomes an answer. Verification works on raw bytes, so
// no body parser stands here.

import middy, { type MiddlewareObj } from '@middy/core';
import { type RouterError, toRouterError } from '../router/errors.ts';
import type { RawRequest, RawResponse } from '../router/http.ts';
import type { PushHandler } from './push.ts';
import { errorResponse, type WebhookHandler } from './webhook.ts';

/** Request in, response out; `context` is the host's, empty where there is none. Never rejects. */
export type HttpFunction = (request: RawRequest, context: object) => Promise<RawResponse>;

export interface MiddlewareParts {
  /** Told of errors that are our own fault; never of a refused request. */
  readonly onFault: (error: unknown) => void;
}

type Answer = (error: RouterError) => RawResponse;

function answerOf({ code, message }: RouterError): RawResponse {
  const allow: Record<string, string> = code === 'METHOD_NOT_ALLOWED' ? { allow: 'POST, OPTIONS' } : {};
  return errorResponse(code, message, allow);
}

function wrap(handler: WebhookHandler | PushHandler, { onFault }: MiddlewareParts, answer: Answer): HttpFunction {
  const errors: MiddlewareObj<RawRequest, RawResponse> = {
    onError: (request) => {
      const error = toRouterError(request.error);
      if (error.code === 'INTERNAL') onFault(request.error);
      request.response = answer(error);
    },
  };
  // timeoutEarlyInMillis 0: the timer per call costs more than all the rest of middy, and the bus has its own deadline.
  const wrapped = middy<RawRequest, RawResponse>({ timeoutEarlyInMillis: 0 }).use(errors).handler(handler);
  return wrapped as unknown as HttpFunction;
}

export function wrapWebhook(handler: WebhookHandler, parts: MiddlewareParts): HttpFunction {
  return wrap(handler, parts, answerOf);
}

/** `finalStatuses`: those for which the bus would never come again; 503 stands for them. */
export function wrapPush(
  handler: PushHandler,
  { finalStatuses, ...parts }: MiddlewareParts & { readonly finalStatuses: readonly number[] },
): HttpFunction {
  return wrap(handler, parts, (error) => {
    const answer = answerOf(error);
    return finalStatuses.includes(answer.status) ? { ...answer, status: 503 } : answer;
  });
}
