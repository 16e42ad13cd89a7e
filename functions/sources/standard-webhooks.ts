// Standard Webhooks -> CloudEvents: HMAC-SHA256 over `${id}.${timestamp}.${raw body}`, secret `whsec_` + base64.
// The Ed25519 form (v1a) is not taken; signatures of other versions in the list are skipped, as the scheme asks.
// type: the body's `type`, else `standard-webhooks.<name of the source>`; id: webhook-id, the same over all retries;
// time: the body's `timestamp` when it is RFC 3339; source: /webhooks/<name>.
// Facts: standard-webhooks/standard-webhooks spec 1.0.0 (read 2026-11-21), "Signature scheme" and "Webhook headers".

import { createSecretKey, type KeyObject } from 'node:crypto';
import { isObject, type Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { type Attributes, checkAttributes, isTimestamp } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { bodyData, refuseCompressed } from './body.ts';
import { seeded, stamp, unknownSample } from './sample.ts';
import { accepted, checkStamp, invalidSecret, type Mac, mac, rejected, sameText, unixSeconds } from './signature.ts';
import type { Normalized, Simulated, Source, SourceParts } from './source.ts';

const kind = 'standard-webhooks';
const scheme: Mac = { algorithm: 'sha256', encoding: 'base64' };
const prefix = 'whsec_';
const due = `'${prefix}' and 24 to 64 bytes in base64, as the provider shows it`;

function secretKey(secret: string): KeyObject {
  if (!secret.startsWith(prefix)) throw invalidSecret(kind, due);
  const text = secret.slice(prefix.length);
  const bytes = Buffer.from(text, 'base64');
  // Buffer.from skips what is not base64, so the bytes are written again and compared.
  const bare = (base64: string) => base64.replace(/={1,2}$/, '');
  if (bare(bytes.toString('base64')) !== bare(text) || bytes.length < 24 || bytes.length > 64) {
    throw invalidSecret(kind, due);
  }
  return createSecretKey(bytes);
}

// An id that ends like a timestamp could be read out of another signed message: `a` + `.1700000000.` + `5.x` signs the
// same bytes as `a.1700000000` + `.5.` + `x`. The spec tells senders to keep full stops out of ids.
const AMBIGUOUS = /\.\d+$/;

// 47: "v1," and 44 characters of base64. Longer lists than the header limit of Node cannot arrive over HTTP.
function signatures(header: string): readonly string[] {
  // ", " joins a header that came twice: which one was meant cannot be known.
  if (header.length > 16384 || header.includes(', ')) return [];
  return header.split(' ').filter((item) => item.length === 47 && item.startsWith('v1,'));
}

function verify(request: RawRequest, keys: readonly KeyObject[], now: Date) {
  const { 'webhook-id': id, 'webhook-timestamp': sent, 'webhook-signature': given } = request.headers;
  if (given === undefined || given === '') {
    return rejected('SIGNATURE_MISSING', `${kind}: header 'webhook-signature' is missing`);
  }
  if (id === undefined || id === '') {
    return rejected('SIGNATURE_MISSING', `${kind}: header 'webhook-id' is missing; it is part of what is signed`);
  }
  const wrongStamp = checkStamp(unixSeconds(sent ?? ''), 'webhook-timestamp', now);
  if (wrongStamp !== undefined) return wrongStamp;
  if (AMBIGUOUS.test(id)) {
    return rejected('SIGNATURE_INVALID', `${kind}: header 'webhook-id' must not end in a full stop and digits`);
  }

  const candidates = signatures(given);
  for (const key of candidates.length === 0 ? [] : keys) {
    const expected = `v1,${mac(scheme, key, `${id}.${sent}.`, request.body)}`;
    for (const candidate of candidates) if (sameText(expected, candidate)) return accepted;
  }
  return rejected('SIGNATURE_INVALID', `${kind}: no v1 signature in 'webhook-signature' matches a configured secret`);
}

function normalize(name: string, request: RawRequest): readonly Normalized[] {
  refuseCompressed(kind, request);
  const id = request.headers['webhook-id'];
  if (id === undefined || id === '') {
    throw new RouterError('REQUEST_INVALID', `${kind}: header 'webhook-id' is missing; it becomes the event's id`);
  }
  const { data, datacontenttype } = bodyData(kind, request);
  const body = data?.kind === 'json' && isObject(data.parsed) ? data.parsed : {};
  const { type, timestamp } = body;

  const attributes: { -readonly [Name in keyof Attributes]: Attributes[Name] } = {
    specversion: '1.0',
    id,
    source: `/webhooks/${encodeURIComponent(name)}`,
    type: typeof type === 'string' && type !== '' ? type : `${kind}.${name}`,
  };
  if (datacontenttype !== undefined) attributes.datacontenttype = datacontenttype;
  if (typeof timestamp === 'string' && isTimestamp(timestamp)) attributes.time = timestamp;
  checkAttributes(attributes);
  return [{ kind: 'event', event: data === undefined ? { attributes } : { attributes, data } }];
}

const samples: Readonly<Record<string, (hex: (label: string) => string, seed: string) => object>> = {
  'user.created': (hex, seed) => ({
    id: `usr_${hex('user').slice(0, 20)}`,
    email: `${hex('mail').slice(0, 8)}@example.com`,
    name: `Ada ${seed}`,
    plan: 'team',
  }),
  'invoice.paid': (hex, seed) => ({
    id: `inv_${hex('invoice').slice(0, 20)}`,
    customer: `cus_${hex('customer').slice(0, 20)}`,
    amount: 4200,
    currency: 'eur',
    reference: seed,
  }),
};

function simulate(sample: string, seed: string, secret: string, now: Date): Simulated {
  const make = Object.hasOwn(samples, sample) ? samples[sample] : undefined;
  if (make === undefined) throw unknownSample(kind, sample, Object.keys(samples));
  const { hex } = seeded(kind, sample, seed);
  const body = Buffer.from(JSON.stringify({ type: sample, timestamp: stamp(now), data: make(hex, seed) }), 'utf8');
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'standard-webhooks-simulator/1.0',
    'webhook-id': `msg_${hex('id').slice(0, 27)}`,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
  };
  if (secret === '') return { headers, body };
  const before = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
  return { headers: { ...headers, 'webhook-signature': `v1,${mac(scheme, secretKey(secret), before, body)}` }, body };
}

export function open(_options: Options, { name }: SourceParts): Source {
  return {
    kind,
    headers: ['content-type', 'user-agent', 'webhook-id', 'webhook-timestamp'],
    needsSecret: true,
    key: secretKey,
    newSecret: (random) => `${prefix}${random.toString('base64')}`,
    verify,
    normalize: (request) => normalize(name, request),
    samples: Object.keys(samples),
    simulate,
  };
}
