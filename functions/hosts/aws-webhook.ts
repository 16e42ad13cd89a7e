// The webhook function behind an HTTP API, a function URL, a REST API or a load balancer. Only translates: what a request means
// is decided in webhook.ts.

import { RouterError } from '../../router/errors.ts';
import type { HttpFunction } from '../middleware.ts';
import type { TimeLeft } from '../within-time.ts';
import { type HttpResult, shapeOf, toRequest, toResult } from './aws-http.ts';
import { refusal } from './http-answer.ts';

export type AwsWebhook = (event: unknown, context?: TimeLeft) => Promise<HttpResult>;

export interface AwsWebhookOptions {
  /** Bytes of a request's body; 1 MiB unless told. */
  readonly maxBody?: number;
}

const MIB = 1024 * 1024;

/** Rejects with REQUEST_INVALID for an event that is no HTTP request; everything else is answered. */
export function awsWebhook(wrapped: HttpFunction, { maxBody = MIB }: AwsWebhookOptions = {}): AwsWebhook {
  return async (event, context = {}) => {
    const shape = shapeOf(event) ?? 'v2';
    try {
      return toResult(await wrapped(toRequest(event, maxBody), context), shape);
    } catch (thrown) {
      if (!(thrown instanceof RouterError) || thrown.code !== 'BODY_TOO_LARGE') throw thrown;
      return toResult(refusal(thrown), shape);
    }
  };
}
