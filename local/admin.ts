// The owner's port beside the webhooks: where other commands send what changes the state of a data folder, and where probes
// ask. What changes state takes the bearer token of the data folder, from this machine, for a loopback Host only, so that no
// web page, no other user and no other machine can reach it, whatever address the port is on. Probes may ask from anywhere.

import { timingSafeEqual } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Redriven, Selection } from '../functions/redrive.ts';
import { errorResponse } from '../functions/webhook.ts';
import { isObject } from '../router/config.ts';
import { type ErrorCode, type RouterError, toRouterError } from '../router/errors.ts';

export interface AdminParts {
  readonly token: string;
  readonly redrive: (selection: Selection, signal: AbortSignal) => AsyncIterable<Redriven>;
  /** Why requests should go elsewhere, undefined when they may come. */
  readonly notReady: () => Promise<RouterError | undefined>;
}

const LOOPBACK_PEER = /^(?:127\.|::1$|::ffff:127\.)/;
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;

function refuse(code: ErrorCode, message: string, status?: number): Response {
  const { status: due, headers, body } = errorResponse(code, message);
  return new Response(body, { status: status ?? due, headers: { ...headers } });
}

function sameToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Undefined for anything but an object with a list of ids, a rule, both or neither. */
function readSelection(input: unknown): Selection | undefined {
  if (!isObject(input) || Object.keys(input).some((key) => key !== 'ids' && key !== 'rule')) return undefined;
  const { ids, rule } = input;
  if (rule !== undefined && typeof rule !== 'string') return undefined;
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === 'string'))) return undefined;
  return { ...(ids === undefined ? {} : { ids }), ...(rule === undefined ? {} : { rule }) };
}

export function createAdmin({ token, redrive, notReady }: AdminParts): RequestListener {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.notFound(() => refuse('SOURCE_UNKNOWN', 'there is nothing at this path; post to /webhooks/<name of a source>'));
  app.onError((thrown) => {
    const { code, message } = toRouterError(thrown);
    return refuse(code, message);
  });
  app.use('/_busway/*', async (context, next) => {
    const host = context.req.header('host') ?? '';
    const peer = context.env.incoming.socket.remoteAddress ?? '';
    if (!LOOPBACK_PEER.test(peer) || !LOOPBACK_HOST.test(host))
      return refuse('REQUEST_INVALID', 'this path is for this machine only', 403);
    if (!sameToken(context.req.header('authorization') ?? '', `Bearer ${token}`)) {
      return refuse('SIGNATURE_INVALID', 'this path needs the token of the data folder');
    }
    await next();
    return undefined;
  });
  app.get('/healthz', (context) => context.json({ alive: true }));
  app.get('/readyz', async (context) => {
    const problem = await notReady();
    return problem === undefined ? context.json({ ready: true }) : refuse(problem.code, problem.message, 503);
  });
  app.post('/_busway/redrive', async (context) => {
    const selection = readSelection(await context.req.json().catch(() => undefined));
    if (selection === undefined) {
      return refuse('REQUEST_INVALID', 'the body must be {"ids":[…]} or {"rule":"…"}, or {} for all');
    }
    const results: Redriven[] = [];
    for await (const item of redrive(selection, context.req.raw.signal)) results.push(item);
    return context.json(results);
  });
  return getRequestListener(app.fetch) as RequestListener;
}
