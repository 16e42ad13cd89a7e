// The webhook function: a signed request in, events on the bus, an answer. Never answers 2xx before the bus has them all.
// One handler for every host; hosts/ translate its request and response.

import type { KeyObject } from 'node:crypto';
import { type ErrorCode, errorTable, RouterError, toRouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { RawRequest, RawResponse } from '../router/http.ts';
import type { Ingest, Ingested } from '../router/ingest.ts';
import type { Normalized, Source } from './sources/source.ts';

export interface OpenSource {
  readonly name: string;
  readonly source: Source;
  /** Empty only for a source that is open by choice. */
  readonly keys: readonly KeyObject[];
}

/** One request and what became of it. Header values only from the source's allow-list. */
export interface IntakeReport {
  readonly source: string;
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly reason: string | undefined;
  readonly accepted: readonly Ingested[];
  readonly dropped: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly tookMs: number;
}

export interface WebhookParts {
  /** Read at each request, so that a changed document is taken over while running. */
  readonly sources: () => ReadonlyMap<string, OpenSource>;
  readonly ingest: Ingest;
  readonly now: () => number;
  readonly onReport?: (report: IntakeReport) => void;
}

export type WebhookHandler = (request: RawRequest) => Promise<RawResponse>;

const PREFIX = '/webhooks/';
const ROUTE = /^\/webhooks\/([^/]+)\/?$/;
const json = { 'content-type': 'application/json' };

export function errorResponse(
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): RawResponse {
  return {
    status: errorTable[code].status,
    headers: { ...json, ...headers },
    body: JSON.stringify({ error: { code, message } }),
  };
}

function sourceOf(request: RawRequest, sources: ReadonlyMap<string, OpenSource>): OpenSource {
  // Nearly always the name stands there as it is.
  const plain = request.path.startsWith(PREFIX) ? sources.get(request.path.slice(PREFIX.length)) : undefined;
  if (plain !== undefined) return plain;
  const name = decodeName(ROUTE.exec(request.path)?.[1]);
  const found = name === undefined ? undefined : sources.get(name);
  if (found === undefined) {
    throw new RouterError('SOURCE_UNKNOWN', 'there is no source at this path; post to /webhooks/<name of a source>');
  }
  return found;
}

function decodeName(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Undefined when the request may go on; fails closed: a verifier that throws refuses. */
function verified(request: RawRequest, { source, keys }: OpenSource, now: Date): RawResponse | undefined {
  let verification: ReturnType<Source['verify']>;
  try {
    verification = source.verify(request, keys, now);
  } catch (cause) {
    throw new RouterError('VERIFIER_FAILED', `${source.kind}: the request could not be verified`, { cause });
  }
  if (verification.kind === 'accepted') return undefined;
  if (verification.kind === 'challenge') return verification.response;
  throw new RouterError(verification.code, verification.reason);
}

/** All events of a request, or the first refusal thrown: a request is taken whole or not at all. */
function eventsOf(normalized: readonly Normalized[]): CloudEvent[] {
  const events: CloudEvent[] = [];
  for (const item of normalized) {
    if (item.kind === 'refusal') throw new RouterError(item.code, item.reason);
    if (item.kind === 'event') events.push(item.event);
  }
  return events;
}

function allowed(source: Source, headers: RawRequest['headers']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of source.headers) {
    const value = headers[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function refuseMethod(request: RawRequest): RawResponse | undefined {
  if (request.method === 'POST' || request.method === 'OPTIONS') return undefined;
  return errorResponse('METHOD_NOT_ALLOWED', `use POST, not ${request.method}`, { allow: 'POST, OPTIONS' });
}

function refuseEncoding(request: RawRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === '' || encoding.toLowerCase() === 'identity') return;
  throw new RouterError('ENCODING_UNSUPPORTED', 'content-encoding must be identity: send the body uncompressed');
}

export function createWebhook({ sources, ingest, now, onReport }: WebhookParts): WebhookHandler {
  async function take(request: RawRequest, open: OpenSource, startedAt: number): Promise<RawResponse> {
    const report = (status: number, rest: Partial<IntakeReport> = {}): void => {
      if (onReport === undefined) return;
      const base = { source: open.name, status, code: undefined, reason: undefined, accepted: [], dropped: 0 };
      onReport({ ...base, headers: allowed(open.source, request.headers), tookMs: now() - startedAt, ...rest });
    };
    try {
      refuseEncoding(request);
      const answer = verified(request, open, new Date(startedAt));
      if (answer !== undefined) {
        report(answer.status);
        return answer;
      }
      if (request.method !== 'POST') throw new RouterError('METHOD_NOT_ALLOWED', 'use POST');
      const normalized = open.source.normalize(request);
      const events = eventsOf(normalized);
      const accepted = await ingest(events, request.headers['traceparent']);
      const failed = accepted.find((item) => !item.ok);
      if (failed !== undefined && !failed.ok) {
        // Whatever the bus said, the sender must come again: 5xx, and what was stored already is recognised then.
        const status = Math.max(errorTable[failed.code].status, errorTable[failed.code].retry ? 503 : 0);
        report(status, { code: failed.code, reason: failed.reason, accepted });
        return { ...errorResponse(failed.code, failed.reason), status };
      }
      report(202, { accepted, dropped: normalized.length - events.length });
      const ids = accepted.map((item) => item.event.attributes.id);
      return { status: 202, headers: json, body: JSON.stringify({ accepted: ids }) };
    } catch (thrown) {
      const error = toRouterError(thrown);
      report(error.status, { code: error.code, reason: error.message });
      throw error;
    }
  }

  return async (request) => {
    const startedAt = now();
    const refused = refuseMethod(request);
    if (refused !== undefined) return refused;
    return take(request, sourceOf(request, sources()), startedAt);
  };
}
