// What an HTTP host does round its translation: opens the function at the first request, refuses a body over the limit,
// answers. A function that cannot be opened is 500 for the sender and a line in the log: its settings are nobody's business.

import { RouterError, toRouterError } from '../../router/errors.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';
import type { HttpFunction } from '../middleware.ts';
import { errorResponse } from '../webhook.ts';
import { createLog, printLine } from './log.ts';

export interface OpenFunction {
  readonly wrapped: HttpFunction;
  /** Bytes of a request's body. */
  readonly maxBody: number;
}

export function tooLarge(maxBody: number): RouterError {
  return new RouterError('BODY_TOO_LARGE', `the body is over ${maxBody} bytes`);
}

export function refusal({ code, message }: RouterError): RawResponse {
  return errorResponse(code, message);
}

/** `read` translates the host's request, and rejects with BODY_TOO_LARGE. Never rejects itself. */
export async function answer(
  open: () => Promise<OpenFunction>,
  read: (maxBody: number) => RawRequest | Promise<RawRequest>,
  context: object,
): Promise<RawResponse> {
  let opened: OpenFunction;
  try {
    opened = await open();
  } catch (thrown) {
    createLog(printLine, Date.now).fault(thrown);
    return errorResponse('INTERNAL', 'the function could not be started; its log says why');
  }
  let request: RawRequest;
  try {
    request = await read(opened.maxBody);
  } catch (thrown) {
    // A body that broke off: whoever sends it may come again.
    return refusal(toRouterError(thrown, 'ABORTED'));
  }
  return opened.wrapped(request, context);
}
