// The laws every source keeps, as a suite: call it from a test file with a harness, one per kind and set of options.
// It knows a kind only through its contract; what it cannot know (which headers are signed, a request from elsewhere)
// the harness says. A law that cannot hold is skipped by name with the reason, never left out.

import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Source } from '../../functions/sources/source.ts';
import { errorTable, RouterError } from '../../router/errors.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { bodySlips, eventsOf, rawRequest, shown, slips, textOf, thrownBy, withHeader } from './source-request.ts';

export const sourceLaws = [
  'a fixture from elsewhere is accepted and becomes the event it stands for',
  'every sample is accepted and becomes events that pass the envelope check',
  'a body changed by one byte is rejected',
  'a signed header changed by one byte, or missing, is rejected',
  'a signature changed by one byte is rejected',
  'a signature that is missing, empty, sent twice, huge or malformed is rejected with a code',
  'a stale and a future timestamp are rejected, 300 s either way is not',
  'a timestamp that is not a whole number of seconds is rejected',
  'either of two active secrets is accepted, another one and none at all are not',
  'the same delivery gives the same events, and a retry the same ids',
  'the data is the raw body, byte for byte',
  'a header the event needs is asked for with a code',
  'only lower-case header names are read',
  'no request makes verify throw, or normalize throw anything but a RouterError',
  'a secret never shows in an event, a reason or an error',
  'the header allow-list holds no credentials',
  'a new secret has the form that is due, an empty one is refused with SECRET_INVALID',
  'an unknown sample is refused with the names there are',
] as const;
export type SourceLaw = (typeof sourceLaws)[number];

/** A request that this code did not make: a vendor's published vector, or one signed by another implementation. */
export interface SourceFixture {
  readonly says: string;
  readonly request: RawRequest;
  readonly secret: string;
  readonly now: Date;
  /** Attributes each event must have, in order; others may be there. Left out: only verification is looked at. */
  readonly events?: readonly Readonly<Record<string, unknown>>[];
}

export interface SourceHarness {
  /** Called anew by each test: a source keeps no state. */
  readonly open: () => Source;
  /** The header the signature or token is in. */
  readonly signature: string;
  /** Headers that are part of what is signed; the one with the time is named in `stamp`. */
  readonly signed?: readonly string[];
  readonly stamp?: string;
  /** Headers without which normalize must throw. */
  readonly needed?: readonly string[];
  readonly fixtures: readonly SourceFixture[];
  readonly skip?: readonly { readonly test: SourceLaw; readonly reason: string }[];
}

const now = new Date('2026-03-05T07:08:09.250Z');
const random = (fill: number) => Buffer.alloc(32, fill);

function assertRejected(source: Source, request: RawRequest, keys: readonly KeyObject[], at = now): string {
  const verification = source.verify(request, keys, at);
  assert.equal(verification.kind, 'rejected', `accepted ${JSON.stringify(request.headers)}`);
  assert.ok(verification.kind === 'rejected' && errorTable[verification.code].status < 500);
  return verification.code;
}

function setUp(harness: SourceHarness) {
  const source = harness.open();
  const secret = source.newSecret(random(1));
  const keys = [source.key(secret)];
  const sample = source.samples[0]!;
  const request = rawRequest(source.simulate(sample, 'seed', secret, now));
  return { source, secret, keys, sample, request };
}

const laws: Readonly<Record<SourceLaw, (harness: SourceHarness) => void>> = {
  'a fixture from elsewhere is accepted and becomes the event it stands for': (harness) => {
    const { source } = setUp(harness);
    assert.ok(harness.fixtures.length > 0, 'a source needs at least one request that its own code did not make');
    for (const fixture of harness.fixtures) {
      const keys = fixture.secret === '' ? [] : [source.key(fixture.secret)];
      assert.deepEqual(source.verify(fixture.request, keys, fixture.now), { kind: 'accepted' }, fixture.says);
      if (fixture.events === undefined) continue;
      const events = eventsOf(source.normalize(fixture.request));
      assert.equal(events.length, fixture.events.length, fixture.says);
      for (const [i, expected] of fixture.events.entries()) {
        assert.partialDeepStrictEqual(events[i]!.attributes, expected, fixture.says);
      }
    }
  },

  'every sample is accepted and becomes events that pass the envelope check': (harness) => {
    const { source, secret, keys } = setUp(harness);
    for (const sample of source.samples) {
      const request = rawRequest(source.simulate(sample, 'seed', secret, now));
      assert.deepEqual(source.verify(request, keys, now), { kind: 'accepted' }, sample);
      const normalized = source.normalize(request);
      assert.ok(normalized.length > 0 && normalized.every((one) => one.kind === 'event'), sample);
      for (const event of eventsOf(normalized)) checkEvent(event);
    }
  },

  'a body changed by one byte is rejected': (harness) => {
    const { source, keys, request } = setUp(harness);
    for (const body of bodySlips(request.body)) assertRejected(source, { ...request, body }, keys);
  },

  'a signed header changed by one byte, or missing, is rejected': (harness) => {
    const { source, keys, request } = setUp(harness);
    const signed = [...(harness.signed ?? []), ...(harness.stamp === undefined ? [] : [harness.stamp])];
    assert.ok(signed.length > 0);
    for (const header of signed) {
      assert.ok(request.headers[header], header);
      for (const value of slips(request.headers[header]!)) {
        assertRejected(source, withHeader(request, header, value), keys);
      }
      for (const value of [undefined, '']) assertRejected(source, withHeader(request, header, value), keys);
    }
  },

  'a signature changed by one byte is rejected': (harness) => {
    const { source, keys, request } = setUp(harness);
    for (const value of slips(request.headers[harness.signature]!)) {
      assertRejected(source, withHeader(request, harness.signature, value), keys);
    }
  },

  'a signature that is missing, empty, sent twice, huge or malformed is rejected with a code': (harness) => {
    const { source, keys, request } = setUp(harness);
    const good = request.headers[harness.signature]!;
    for (const value of [undefined, '']) {
      assert.equal(assertRejected(source, withHeader(request, harness.signature, value), keys), 'SIGNATURE_MISSING');
    }
    const letters = 'é€😀\ud800\u0000\r\n';
    const wide = [...good].map((letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100)).join('');
    const bad = [`${good}, ${good}`, `${good},${good}`, ` ${good.slice(1)}`, letters, wide, 'x'.repeat(1_000_000), ','];
    for (const value of [...bad, `${good}${'=0'.repeat(9000)}`, 'sha256=', 'v1,', 'Bearer ', good.slice(0, 9)]) {
      const code = assertRejected(source, withHeader(request, harness.signature, value), keys);
      assert.equal(code, 'SIGNATURE_INVALID');
    }
  },

  'a stale and a future timestamp are rejected, 300 s either way is not': (harness) => {
    const { source, secret, keys, sample } = setUp(harness);
    for (const [seconds, expected] of [
      [-301, 'TIMESTAMP_OUT_OF_WINDOW'],
      [-300, 'accepted'],
      [300, 'accepted'],
      [301, 'TIMESTAMP_OUT_OF_WINDOW'],
      [-86_400, 'TIMESTAMP_OUT_OF_WINDOW'],
      [86_400, 'TIMESTAMP_OUT_OF_WINDOW'],
    ] as const) {
      const sent = new Date(now.getTime() + seconds * 1000);
      const request = rawRequest(source.simulate(sample, 'seed', secret, sent));
      const verification = source.verify(request, keys, now);
      const outcome = verification.kind === 'rejected' ? verification.code : verification.kind;
      assert.equal(outcome, expected, `${seconds} s`);
    }
  },

  'a timestamp that is not a whole number of seconds is rejected': (harness) => {
    const { source, keys, request } = setUp(harness);
    const good = request.headers[harness.stamp!]!;
    const slip = [undefined, '', 'NaN', '1e9', '-1', '0', `${good}.5`, `${good}000`, `${good}abc`, `+${good}`, '0x10'];
    for (const value of [...slip, `0${good}`, `${good}, ${good}`, 'Infinity', '١٧٠٠٠٠٠٠٠٠', '9'.repeat(400)]) {
      const code = assertRejected(source, withHeader(request, harness.stamp!, value), keys);
      assert.equal(code, 'TIMESTAMP_INVALID', String(value));
    }
  },

  'either of two active secrets is accepted, another one and none at all are not': (harness) => {
    const { source, secret, sample } = setUp(harness);
    const next = source.newSecret(random(2));
    const keys = [source.key(secret), source.key(next)];
    for (const active of [secret, next]) {
      const request = rawRequest(source.simulate(sample, 'seed', active, now));
      assert.deepEqual(source.verify(request, keys, now), { kind: 'accepted' });
      assert.equal(assertRejected(source, request, [source.key(source.newSecret(random(3)))]), 'SIGNATURE_INVALID');
      assert.equal(assertRejected(source, request, []), 'SIGNATURE_INVALID');
    }
    const unsigned = rawRequest(source.simulate(sample, 'seed', '', now));
    assert.equal(assertRejected(source, unsigned, keys), 'SIGNATURE_MISSING');
  },

  'the same delivery gives the same events, and a retry the same ids': (harness) => {
    const { source, secret } = setUp(harness);
    const later = new Date(now.getTime() + 3_600_000);
    const ids = new Set<string>();
    for (const sample of source.samples) {
      for (const seed of ['a', 'b', 'c']) {
        const first = source.simulate(sample, seed, secret, now);
        assert.deepEqual(source.simulate(sample, seed, secret, now), first);
        const events = eventsOf(source.normalize(rawRequest(first)));
        assert.deepEqual(eventsOf(harness.open().normalize(rawRequest(first))), events);
        const retried = eventsOf(source.normalize(rawRequest(source.simulate(sample, seed, secret, later))));
        const keysOf = (list: readonly CloudEvent[]) =>
          list.map(({ attributes }) => `${attributes.source}\n${attributes.id}`);
        assert.deepEqual(keysOf(retried), keysOf(events));
        for (const key of keysOf(events)) {
          assert.ok(!ids.has(key), `${sample} ${seed}: ${key} was there before`);
          ids.add(key);
        }
      }
    }
  },

  'the data is the raw body, byte for byte': (harness) => {
    const { source, request } = setUp(harness);
    // white space, a number beyond 2^53, an escape and a double key: none survives parse and stringify
    const body = Buffer.from('{ "action":"a","n": 12345678901234567890.0,\t"e":"\\u00e9","k":1,"k":2 }\r\n');

    const [event] = eventsOf(source.normalize({ ...request, body }));

    assert.equal(event!.data!.kind, 'json');
    assert.deepEqual(event!.data!.bytes, body);
  },

  'a header the event needs is asked for with a code': (harness) => {
    const { source, request } = setUp(harness);
    assert.ok((harness.needed ?? []).length > 0);
    for (const header of harness.needed!) {
      for (const value of [undefined, '']) {
        const thrown = thrownBy(() => source.normalize(withHeader(request, header, value)));
        assert.ok(thrown instanceof RouterError, header);
        assert.equal(thrown.code, 'REQUEST_INVALID');
        assert.ok(thrown.message.includes(header), thrown.message);
      }
    }
  },

  'only lower-case header names are read': (harness) => {
    const { source, keys, request } = setUp(harness);
    const names = new Set<string>();
    const headers = new Proxy(request.headers, {
      get: (all, property) => {
        names.add(String(property));
        return all[String(property)];
      },
    });
    source.verify({ ...request, headers }, keys, now);
    source.normalize({ ...request, headers });
    assert.ok(names.size > 0);
    for (const read of [...names, ...source.headers]) assert.equal(read, read.toLowerCase());
  },

  'no request makes verify throw, or normalize throw anything but a RouterError': (harness) => {
    const { source, secret, keys, request } = setUp(harness);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json({ maxDepth: 4 }).map((json) => Buffer.from(json)),
      fc
        .constantFrom('', '\ufeff{}', '{"__proto__":{"type":"x"}}', '[]', 'null', '1e999', '"\\ud800"', '{"action":7}')
        .map((text) => Buffer.from(text)),
      fc.constant(Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)),
      fc.constant(request.body),
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(undefined, '', 'application/json', 'text/plain; charset=latin1', 'a/b, c/d', '%', 'sha256=00'),
    );
    const read = [...source.headers, harness.signature, 'content-encoding', 'ce-specversion', 'ce-id'];
    const headers = fc.dictionary(fc.constantFrom(...read), value, { maxKeys: 4 });
    const before = Object.getOwnPropertyNames(Object.prototype);

    fc.assert(
      fc.property(headers, body, fc.constantFrom('POST', 'OPTIONS', 'GET'), (changed, bytes, method) => {
        const fuzzed = { ...rawRequest(request, changed), body: bytes, method };
        assert.ok(source.verify(fuzzed, keys, now).kind);
        const outcome = thrownBy(() => {
          for (const event of eventsOf(source.normalize(fuzzed))) checkEvent(event);
        });
        if (outcome === undefined) return;
        assert.ok(outcome instanceof RouterError, String(outcome));
        assert.ok(outcome.status < 500, `${outcome.code}: a bad request must not look like our fault`);
        assert.ok(!outcome.message.includes(secret));
      }),
      { numRuns: 400 },
    );
    assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
  },

  'a secret never shows in an event, a reason or an error': (harness) => {
    const { source, secret, keys, sample, request } = setUp(harness);
    const canary = secret.slice(-20);
    const other = [source.key(source.newSecret(random(9)))];
    const leaks = [
      ...source
        .normalize(request)
        .map((one) => (one.kind === 'event' ? [one.event.attributes, textOf(one.event)] : one)),
      source.verify(request, other, now),
      source.verify({ ...request, body: Buffer.alloc(0) }, keys, now),
      source.verify(withHeader(request, harness.signature, secret), keys, now),
      source.verify(request, keys, new Date(0)),
      thrownBy(() => source.normalize({ ...request, body: Buffer.from(`{${secret}`) })),
      thrownBy(() => source.key(` ${secret}\n`)),
      thrownBy(() => source.key(`${secret}\u0000 é`)),
      source.simulate(sample, 'seed', secret, now).body.toString('latin1'),
    ];
    for (const leak of leaks) assert.ok(!shown(leak).includes(canary), shown(leak));
  },

  'the header allow-list holds no credentials': (harness) => {
    const { source } = setUp(harness);
    const never = ['authorization', 'proxy-authorization', 'cookie', 'x-github-encoded-secret', 'x-hub-signature'];
    for (const header of [...never, harness.signature]) assert.ok(!source.headers.includes(header), header);
    assert.ok(source.headers.includes('content-type'));
  },

  'a new secret has the form that is due, an empty one is refused with SECRET_INVALID': (harness) => {
    const { source, secret } = setUp(harness);
    assert.equal(source.key(secret).type, 'secret');
    assert.equal(source.newSecret(random(1)), secret);
    assert.notEqual(source.newSecret(random(2)), secret);
    for (const bad of ['', ' ', `${secret}\n`]) {
      const thrown = thrownBy(() => source.key(bad));
      assert.ok(thrown instanceof RouterError && thrown.code === 'SECRET_INVALID', JSON.stringify(bad));
    }
  },

  'an unknown sample is refused with the names there are': (harness) => {
    const { source, secret } = setUp(harness);
    for (const sample of ['no-such-thing', '', 'constructor', '__proto__']) {
      const thrown = thrownBy(() => source.simulate(sample, 'seed', secret, now));
      assert.ok(thrown instanceof RouterError && thrown.code === 'USAGE');
      assert.ok(thrown.message.includes(source.samples[0]!));
    }
  },
};

/** Runs the laws of design section 4 as subtests of `name`. */
export function sourceSuite(name: string, harness: SourceHarness): void {
  describe(name, () => {
    for (const law of sourceLaws) {
      const reason = harness.skip?.find((skipped) => skipped.test === law)?.reason;
      test(`${name}: ${law}`, { skip: reason ?? false }, () => laws[law](harness));
    }
  });
}
