// Both handshakes by which Event Grid asks whether it may push to an endpoint, as one function from a request to its
// answer. Pure; a host mounts it before decode. Never consents to an origin that is not on the list, and never calls the
// addresses that a request names.
// Sources: Azure Event Grid, "Endpoint validation"; cloudevents/spec http-webhook.md, section 4.

import { isObject } from '../../router/config.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const RATE = /^[1-9]\d{0,8}$/;
const VALIDATION_EVENT = 'Microsoft.EventGrid.SubscriptionValidationEvent';
// Real ones are GUIDs.
const MAX_CODE = 256;

function answer(status: number, headers: RawResponse['headers'] = {}, body = ''): RawResponse {
  return { status, headers, body };
}

/** Status alone is no consent, so a refusal carries no header of the handshake. */
function consent(headers: RawRequest['headers'], origins: readonly string[]): RawResponse {
  const origin = headers['webhook-request-origin'];
  if (origin === undefined) return answer(405, { allow: 'POST' });
  const allowed = origins.some((one) => one.toLowerCase() === origin.toLowerCase());
  if (!allowed) return answer(403);
  const rate = headers['webhook-request-rate'];
  return answer(200, {
    allow: 'POST',
    'webhook-allowed-origin': origin,
    'webhook-allowed-rate': rate !== undefined && RATE.test(rate) ? rate : '*',
  });
}

function validationCode(body: Buffer): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const event: unknown = Array.isArray(parsed) && parsed.length === 1 ? parsed[0] : parsed;
  if (!isObject(event) || event['eventType'] !== VALIDATION_EVENT || !isObject(event['data'])) return undefined;
  const code = event['data']['validationCode'];
  return typeof code === 'string' && code !== '' && code.length <= MAX_CODE ? code : undefined;
}

/**
 * The answer to a request that is part of a handshake; undefined for one that delivers events. `origins`: host names that
 * may register, in any case. The answer to a validation event must be 200, 202 would not do.
 */
export function handshake(request: RawRequest, origins: readonly string[]): RawResponse | undefined {
  if (request.method === 'OPTIONS') return consent(request.headers, origins);
  const type = request.headers['aeg-event-type']?.toLowerCase();
  if (request.method !== 'POST' || type === undefined) return undefined;
  // Tells that the subscription is gone; there is nothing to deliver.
  if (type === 'subscriptiondeletion') return answer(200);
  if (type !== 'subscriptionvalidation') return undefined;
  const code = validationCode(request.body);
  if (code === undefined) return answer(400);
  return answer(200, JSON_TYPE, JSON.stringify({ validationResponse: code }));
}
