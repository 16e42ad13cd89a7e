// Requests to Event Grid: signed, never along a redirect, each failure one of our codes. Plain HTTP and no SDK, because
// the SDK re-serialises data, drops extension attributes and adds a time (README.md). Never retries.

import { RouterError } from '../../router/errors.ts';
import type { Access } from './access.ts';
import { type Answer, mapAnswer, mapNetworkError, reasonOf } from './map-error.ts';

export interface Call {
  readonly url: URL;
  readonly contentType?: string;
  readonly body?: Buffer;
  /** For messages: "topic 'orders'". */
  readonly what: string;
  readonly signal: AbortSignal;
}

/** Resolves with the body of a 2xx answer; throws RouterError for everything else. */
export type Post = (call: Call) => Promise<Buffer>;

async function exchange(
  { url, contentType, body, signal }: Call,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const type = contentType === undefined ? {} : { 'content-type': contentType };
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, ...type },
    redirect: 'manual',
    signal,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

/** An expired token is no refusal for good: the next call has a new one. */
function renewed(error: RouterError): RouterError {
  return new RouterError(error.code, error.message, { ...error.facts, again: true });
}

export function createPost(access: Access, now: () => number): Post {
  return async (call) => {
    const { signal, what } = call;
    if (signal.aborted) throw reasonOf(signal, `asking ${what}`);
    let answer: Answer;
    const grant = await access.grant(signal);
    try {
      answer = await exchange(call, grant.headers);
    } catch (thrown) {
      throw signal.aborted ? reasonOf(signal, `asking ${what}`) : mapNetworkError(thrown, what);
    }
    const { status, body } = answer;
    if (status >= 200 && status < 300) return body;
    const error = mapAnswer(answer, what, now());
    if (status !== 401) throw error;
    access.drop(grant);
    throw grant.renewable ? renewed(error) : error;
  };
}
