// The Google Cloud host: `webhook` and `push` as HTTP functions of the functions-framework (Cloud Run functions). Only
// translates. The framework parses bodies before us, so the raw bytes are what it kept; what it refuses never gets here.
// The service has to be open to all, for it is us who verify: Cloud Run takes the signature off a token that it checks.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawRequest } from '../../router/http.ts';
import type { TimeLeft } from '../within-time.ts';
import { composePush, composeWebhook, type DeliverParts, type Env, opened, type WebhookParts } from './compose.ts';
import { answer, type OpenFunction, tooLarge } from './http-answer.ts';
import { printLine } from './log.ts';
import { readBody, send, toRequest } from './node-http.ts';

/** Express's request, with what the framework adds. */
export interface FrameworkRequest extends IncomingMessage {
  /** As it came; Express cuts `url` down where a function is mounted. */
  readonly originalUrl?: string;
  readonly rawBody?: Buffer;
}

export type GcpFunction = (request: FrameworkRequest, response: ServerResponse) => Promise<void>;

// What a function gets unless told otherwise; a service has more.
const DEFAULT_MS = 60_000;

/** Without a content type no parser of the framework reads the body, and it still lies in the request. */
async function read(request: FrameworkRequest, maxBody: number): Promise<RawRequest> {
  const body = request.rawBody ?? (await readBody(request, maxBody));
  if (body === undefined || body.length > maxBody) throw tooLarge(maxBody);
  return toRequest(request, body, request.originalUrl);
}

const ofProcess: Env = (name) => process.env[name];

function timeLeft(env: Env): TimeLeft {
  const seconds = Number(env('CLOUD_RUN_TIMEOUT_SECONDS'));
  const endsAt = Date.now() + (seconds > 0 ? seconds * 1_000 : DEFAULT_MS);
  return { getRemainingTimeInMillis: () => endsAt - Date.now() };
}

export function gcpFunction(open: () => Promise<OpenFunction>, env: Env = ofProcess): GcpFunction {
  return async (request, response) => {
    const left = timeLeft(env);
    send(response, await answer(open, (maxBody) => read(request, maxBody), left));
  };
}

/** Opened while the bundle is loaded; what went wrong then is tried again at the first request, and logged. */
export async function webhook(parts: Omit<WebhookParts, 'print'>): Promise<GcpFunction> {
  return gcpFunction(await opened(() => composeWebhook(ofProcess, { ...parts, print: printLine })));
}

export async function push(parts: Omit<DeliverParts, 'print'>): Promise<GcpFunction> {
  return gcpFunction(await opened(() => composePush(ofProcess, { ...parts, print: printLine })));
}
