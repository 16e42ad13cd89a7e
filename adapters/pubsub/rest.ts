// The light publisher, for functions: one POST a call, no SDK and no gRPC. Its bodies are byte for byte what the SDK's REST
// fallback sends (held by a test). Never sends a token in the clear, but to this machine.
// Source: google/pubsub/v1/pubsub.proto, http annotations; google/rpc/status.proto in JSON.

import { RouterError } from '../../router/errors.ts';
import { createHttpClient, type HttpAnswer } from '../http-client.ts';
import {
  isStatus,
  isStatusOf,
  mapServiceError,
  retryHint,
  type ServiceError,
  type Status,
  statusOfHttp,
} from './map-error.ts';
import { type Endpoint, isLoopback } from './options.ts';
import type { Publisher } from './publisher.ts';
import type { Token, Tokens } from './token.ts';
import type { PubSubMessage } from './wire.ts';

export interface RestParts {
  readonly endpoint: Endpoint;
  /** None for an emulator. */
  readonly tokens?: Tokens;
}

/** The members in the order in which the SDK writes them. */
export function publishBody(messages: readonly PubSubMessage[]): string {
  return JSON.stringify({
    messages: messages.map(({ data, attributes, orderingKey }) => ({
      attributes,
      data: data.toString('base64'),
      ...(orderingKey === '' ? {} : { orderingKey }),
    })),
  });
}

function retryAfterOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}

function errorOf(answer: HttpAnswer): ServiceError {
  let status: Status = statusOfHttp(answer.status);
  let hint = retryAfterOf(answer.headers['retry-after']);
  try {
    const { error } = JSON.parse(answer.text) as { error?: { status?: unknown; details?: unknown } };
    if (isStatus(error?.status)) status = error.status;
    hint ??= retryHint(error?.details);
  } catch {
    // Not the service's own answer: the HTTP status says what it can.
  }
  return hint === undefined ? { status } : { status, retryAfterMs: hint };
}

interface Request {
  readonly what: string;
  readonly path: string;
  readonly body?: string;
}

function countOf(answer: string): number | undefined {
  try {
    const { messageIds } = JSON.parse(answer) as { messageIds?: unknown };
    return Array.isArray(messageIds) && messageIds.every((id) => typeof id === 'string' && id !== '')
      ? messageIds.length
      : undefined;
  } catch {
    return undefined;
  }
}

export function createRestPublisher({ endpoint, tokens }: RestParts): Publisher {
  const { host, port, tls } = endpoint;
  const base = `${tls ? 'https' : 'http'}://${host}${port === (tls ? 443 : 80) ? '' : `:${port}`}/v1/`;
  const trusted = tls || isLoopback(endpoint) ? tokens : undefined;

  const client = createHttpClient();

  function send({ path, body }: Request, token: Token | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    return client.send({
      method: body === undefined ? 'GET' : 'POST',
      url: new URL(base + path),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token.text}` }),
      },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      signal,
    });
  }

  async function ask(request: Request, signal: AbortSignal): Promise<string> {
    const token = await trusted?.get(signal);
    let answer: HttpAnswer;
    try {
      answer = await send(request, token, signal);
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      throw mapServiceError({ status: 'UNAVAILABLE' }, request.what, cause);
    }
    if (answer.status >= 200 && answer.status < 300) return answer.text;
    const error = errorOf(answer);
    if (error.status !== 'UNAUTHENTICATED') throw mapServiceError(error, request.what);
    tokens?.forget();
    const refused = mapServiceError(error, request.what);
    // One that was kept may have been revoked meanwhile: the next call has a new one.
    throw token?.fresh === false
      ? new RouterError(refused.code, refused.message, { ...refused.facts, retryable: true })
      : refused;
  }

  /** Looking at a topic takes a permission of its own, which a publisher need not have. */
  async function mayPublish(topic: string, signal: AbortSignal): Promise<boolean> {
    const permission = 'pubsub.topics.publish';
    const body = JSON.stringify({ permissions: [permission] });
    const answer = await ask({ what: `topic '${topic}'`, path: `${topic}:testIamPermissions`, body }, signal);
    const { permissions } = JSON.parse(answer) as { permissions?: unknown };
    return Array.isArray(permissions) && permissions.includes(permission);
  }

  return {
    async send(topic, messages, signal) {
      const what = `topic '${topic}'`;
      const answer = await ask({ what, path: `${topic}:publish`, body: publishBody(messages) }, signal);
      if (countOf(answer) !== messages.length) {
        throw mapServiceError({ status: 'UNKNOWN' }, `${what}: the answer names other messages than were sent; it`);
      }
    },
    async check(topic, signal) {
      try {
        await ask({ what: `topic '${topic}'`, path: topic }, signal);
      } catch (thrown) {
        if (!isStatusOf(thrown, 'PERMISSION_DENIED') || !(await mayPublish(topic, signal))) throw thrown;
      }
    },
    close: async () => client.close(),
  };
}
