// CloudEvents over HTTP in binary, structured and batch mode -> the same events, unchanged: attributes that came along
// (recordedtime, traceparent, ...) are the sender's. The token authenticates the sender; it does not cover the body,
// and there is no replay window: a second copy has the same (source, id) and is dropped as seen.
// Facts: cloudevents/spec http-webhook.md 1.0.2 (read 2026-11-21): bearer token in header or query, OPTIONS handshake.

import { createHash, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Options } from '../../router/config.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { decodeHttp, encodeHttp, encodeHttpBatch } from '../../router/wire/http.ts';
import { refuseCompressed } from './body.ts';
import { type Seeded, seeded, unknownSample } from './sample.ts';
import { accepted, invalidSecret, rejected } from './signature.ts';
import type { Normalized, Simulated, Source, SourceParts, Verification } from './source.ts';

const kind = 'cloudevents';

// RFC 6750 allows fewer characters; "the token can take any shape", but a header carries visible ASCII only.
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** The key is the token's digest: two digests have one length, so the comparison tells nothing about the token's. */
function tokenKey(secret: string): KeyObject {
  if (!TOKEN.test(secret))
    throw invalidSecret(kind, '1 to 4096 visible ASCII characters, for it is sent as a bearer token');
  return createSecretKey(digest(secret));
}

const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

// The webhook spec asks receivers to take both; the header wins.
function tokenOf(request: RawRequest): string | undefined {
  const header = request.headers['authorization'];
  if (header !== undefined && header !== '') return BEARER.exec(header)?.[1] ?? '';
  const tokens = new URLSearchParams(request.query).getAll('access_token');
  return tokens.length > 1 ? '' : tokens[0];
}

function checkToken(request: RawRequest, keys: readonly KeyObject[]): Verification {
  const token = tokenOf(request);
  if (token === undefined) {
    return rejected('SIGNATURE_MISSING', `${kind}: header 'authorization' is missing; send 'Bearer' and the token`);
  }
  const given = digest(token);
  for (const key of token === '' ? [] : keys) if (timingSafeEqual(key.export(), given)) return accepted;
  return rejected('SIGNATURE_INVALID', `${kind}: the bearer token does not match any configured secret`);
}

// A DNS name expression. It is sent back, so it must not be able to carry anything else.
const ORIGIN = /^[A-Za-z0-9*](?:[A-Za-z0-9._*:-]{0,252})$/;
const RATE = /^[1-9]\d{0,8}$/;

/**
 * The handshake says "yes, deliver here" and nothing about who asks, so it needs no token (http-webhook.md, 4). A
 * callback URL is never called: consent is given in the answer.
 */
function handshake(request: RawRequest): Verification {
  const { 'webhook-request-origin': origin, 'webhook-request-rate': rate } = request.headers;
  if (origin === undefined || origin === '') {
    return rejected('METHOD_NOT_ALLOWED', `${kind}: OPTIONS is answered with header 'webhook-request-origin' only`);
  }
  if (!ORIGIN.test(origin)) {
    return rejected('REQUEST_INVALID', `${kind}: header 'webhook-request-origin' must be a DNS name`);
  }
  if (rate !== undefined && !RATE.test(rate)) {
    return rejected(
      'REQUEST_INVALID',
      `${kind}: header 'webhook-request-rate' must be requests per minute, such as 120`,
    );
  }
  // '*': no limit of our own. The rate header belongs to every consent (4.2), asked for or not.
  const headers = { allow: 'POST', 'webhook-allowed-origin': origin, 'webhook-allowed-rate': rate ?? '*' };
  return { kind: 'challenge', response: { status: 200, headers, body: '' } };
}

function normalize(request: RawRequest): readonly Normalized[] {
  refuseCompressed(kind, request);
  return decodeHttp(request.headers, request.body).events.map((event) => ({ kind: 'event', event }));
}

const samples = ['structured', 'binary', 'batch'] as const;

function order(from: Seeded, seed: string, now: Date): CloudEvent {
  const data = { customer: `cus_${from.hex('customer').slice(0, 16)}`, total: 4200, currency: 'eur', reference: seed };
  return {
    attributes: {
      specversion: '1.0',
      id: from.uuid('id'),
      source: 'https://shop.example.com/orders',
      type: 'com.example.order.placed',
      subject: String(10000 + from.number('order', 89999)),
      time: now.toISOString(),
      datacontenttype: 'application/json',
    },
    data: jsonData(Buffer.from(JSON.stringify(data), 'utf8')),
  };
}

function unsigned(sample: string, seed: string, now: Date): Simulated {
  const one = (label: string) => order(seeded(kind, sample, seed, label), seed, now);
  switch (sample) {
    case 'structured':
    case 'binary':
      return encodeHttp(one('first'), sample);
    case 'batch':
      return encodeHttpBatch([one('first'), one('second')]);
    default:
      throw unknownSample(kind, sample, samples);
  }
}

export function open(options: Options, _parts: SourceParts): Source {
  const isOpen = options['open'] === true;
  return {
    kind,
    headers: ['content-type', 'user-agent', 'webhook-request-origin'],
    needsSecret: !isOpen,
    key: tokenKey,
    newSecret: (random) => random.toString('base64url'),
    verify: (request, keys) => {
      if (request.method === 'OPTIONS') return handshake(request);
      return isOpen ? accepted : checkToken(request, keys);
    },
    normalize,
    samples,
    simulate: (sample, seed, secret, now) => {
      const { headers, body } = unsigned(sample, seed, now);
      const named = { ...headers, 'user-agent': 'cloudevents-simulator/1.0' };
      return { headers: secret === '' ? named : { ...named, authorization: `Bearer ${secret}` }, body };
    },
  };
}
