import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { open } from '../../../functions/sources/github.ts';
import { RouterError } from '../../../router/errors.ts';
import { type CloudEvent, checkAttributes } from '../../../router/event.ts';
import type { RawRequest } from '../../../router/http.ts';
import { sourceSuite } from '../../contract/source.ts';
import { rawRequest } from '../../contract/source-request.ts';
import vectors from '../../fixtures/sources/vectors.json' with { type: 'json' };

interface Example {
  readonly name: string;
  readonly examples: readonly Readonly<Record<string, unknown>>[];
}
const examples: readonly Example[] = createRequire(import.meta.url)('@octokit/webhooks-examples');

const now = new Date('2026-03-05T07:08:09Z');
const github = open({}, { name: 'github' });
const secret = 'a secret of the hook';

function delivery(
  event: string,
  payload: unknown,
  headers: Readonly<Record<string, string | undefined>> = {},
): RawRequest {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload), 'utf8');
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const sent = {
    'Content-Type': 'application/json',
    'X-GitHub-Event': event,
    'X-GitHub-Delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'X-Hub-Signature-256': signature,
  };
  return rawRequest({ headers: sent, body }, headers);
}

function eventOf(request: RawRequest): CloudEvent {
  const normalized = github.normalize(request);
  assert.equal(normalized.length, 1);
  const [one] = normalized;
  assert.ok(one?.kind === 'event');
  return one.event;
}

function codeOf(request: RawRequest): string {
  try {
    github.normalize(request);
  } catch (error) {
    assert.ok(error instanceof RouterError);
    return error.code;
  }
  return 'accepted';
}

const repository = { full_name: 'o/r', html_url: 'https://github.com/o/r' };
const push = examples.find((example) => example.name === 'push')!.examples[0]!;

sourceSuite('github', {
  open: () => open({}, { name: 'github' }),
  signature: 'x-hub-signature-256',
  needed: ['x-github-event', 'x-github-delivery'],
  fixtures: [
    {
      says: "the vector of GitHub's documentation",
      request: rawRequest({
        headers: { 'X-Hub-Signature-256': vectors.github.signature },
        body: Buffer.from(vectors.github.body),
      }),
      secret: vectors.github.secret,
      now,
    },
    {
      says: 'a push from the examples of octokit',
      request: delivery('push', push),
      secret,
      now,
      events: [
        {
          id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
          type: 'com.github.push',
          source: 'https://github.com/Codertocat/Hello-World',
          subject: 'refs/tags/simple-tag',
          time: '2019-05-15T15:20:57Z',
          datacontenttype: 'application/json',
        },
      ],
    },
  ],
  skip: [
    { test: 'a signed header changed by one byte, or missing, is rejected', reason: 'GitHub signs the body only' },
    {
      test: 'a stale and a future timestamp are rejected, 300 s either way is not',
      reason: 'GitHub signs no timestamp',
    },
    { test: 'a timestamp that is not a whole number of seconds is rejected', reason: 'GitHub signs no timestamp' },
  ],
});

test('github: every real payload becomes one valid event with the delivery as id', () => {
  let count = 0;
  for (const { name, examples: payloads } of examples) {
    for (const payload of payloads) {
      const request = delivery(name, payload);
      const event = eventOf(request);

      const { attributes } = event;
      checkAttributes(attributes);
      const { action } = payload;
      assert.equal(
        attributes.type,
        action === undefined ? `com.github.${name}` : `com.github.${name}.${String(action)}`,
      );
      assert.match(attributes.source, /^https?:\/\/github\.com(?:\/[\w.-]+){0,2}$/);
      assert.equal(attributes['partitionkey'], undefined);
      assert.equal(event.data!.bytes, request.body, 'the very bytes');
      assert.deepEqual(eventOf(request).attributes, attributes);
      count++;
    }
  }
  assert.equal(count, 329);
});

test('github: only events about a whole repository, several pages or nobody in particular lack a subject', () => {
  const without = new Set<string>();
  for (const { name, examples: payloads } of examples) {
    for (const payload of payloads)
      if (eventOf(delivery(name, payload)).attributes.subject === undefined) without.add(name);
  }

  const general = ['gollum', 'organization', 'public', 'repository', 'repository_import', 'star', 'watch'];
  assert.deepEqual([...without].sort(), [...general, 'repository_vulnerability_alert'].sort());
});

test('github: every real payload that says when its object changed gives the event a time', () => {
  let dated = 0;
  for (const { name, examples: payloads } of examples) {
    for (const payload of payloads) {
      const own = (payload[name] ?? payload['comment']) as Readonly<Record<string, unknown>> | undefined;
      if (typeof own?.['updated_at'] !== 'string' || payload['action'] === 'deleted') continue;
      assert.equal(eventOf(delivery(name, payload)).attributes.time, own['updated_at'], name);
      dated++;
    }
  }
  assert.ok(dated > 100, `${dated} payloads`);
});

test('github: subject and time follow what the event is about', () => {
  const about = (event: string, payload: object) => {
    const { subject, time } = eventOf(delivery(event, { repository, ...payload })).attributes;
    return [subject, time];
  };
  const at = '2024-02-29T23:59:59Z';

  assert.deepEqual(about('push', { ref: 'refs/heads/é', repository: { ...repository, pushed_at: 1557933633 } }), [
    'refs/heads/é',
    '2019-05-15T15:20:33Z',
  ]);
  assert.deepEqual(about('pull_request', { pull_request: { number: 7, updated_at: at } }), ['7', at]);
  assert.deepEqual(about('issue_comment', { issue: { number: 8 }, comment: { updated_at: at } }), ['8', at]);
  assert.deepEqual(about('create', { ref: 'v1', ref_type: 'tag' }), ['v1', undefined]);
  assert.deepEqual(about('release', { release: { tag_name: 'v2', published_at: at } }), ['v2', at]);
  assert.deepEqual(about('check_run', { check_run: { id: 9, completed_at: null, started_at: at } }), ['9', at]);
  assert.deepEqual(about('star', { action: 'created', starred_at: at }), [undefined, at]);
  assert.deepEqual(about('star', { action: 'deleted', starred_at: null }), [undefined, undefined]);
  assert.deepEqual(about('ping', { zen: 'z', hook_id: 3, hook: { created_at: at } }), ['3', undefined]);
});

test('github: seconds become the same moment in RFC 3339', () => {
  const timeOf = (pushed_at: number) =>
    eventOf(delivery('push', { repository: { ...repository, pushed_at } })).attributes.time;

  fc.assert(
    fc.property(fc.integer({ min: 1, max: 253402300799 }), (seconds) => {
      const expected = new Date(seconds * 1000).toISOString();
      assert.equal(timeOf(seconds)?.replace('Z', '.000Z'), expected);
      assert.equal(timeOf(seconds), timeOf(seconds));
    }),
    { numRuns: 500 },
  );
  for (const seconds of [0, -1, 1.5, 253402300800, 1e300]) assert.equal(timeOf(seconds), undefined);
});

test('github: the time of a deleted object is not the time it was deleted', () => {
  const payload = {
    action: 'deleted',
    repository,
    issue: { number: 1 },
    comment: { updated_at: '2019-05-15T15:20:33Z' },
  };

  const { time, subject } = eventOf(delivery('issue_comment', payload)).attributes;

  assert.equal(time, undefined);
  assert.equal(subject, '1');
});

test('github: fields of a wrong form are left out and never break the event', () => {
  const odd = [
    null,
    '',
    0,
    -1,
    1.5,
    1e30,
    'soon',
    '2024-02-30T00:00:00Z',
    '2024-01-01',
    [],
    {},
    true,
    'a\u0000b',
    '\ud800',
  ];
  for (const value of odd) {
    const payload = {
      action: value,
      ref: value,
      repository: { html_url: value, pushed_at: value },
      organization: { login: value },
      installation: { account: { html_url: value } },
      enterprise: { html_url: value },
      sender: { html_url: value, login: value },
    };

    for (const name of ['push', 'issues', 'star', 'github_app_authorization', 'constructor', 'to_string']) {
      const { attributes } = eventOf(delivery(name, payload));
      checkAttributes(attributes);
      if (name === 'push') assert.equal(attributes.time, undefined, String(value));
    }
  }
});

test('github: without a repository the source is the organization, then who acted, then the site', () => {
  const sourceOf = (payload: object) => eventOf(delivery('organization', payload)).attributes.source;
  const sender = { login: 'mona', html_url: 'https://github.com/mona' };

  assert.equal(sourceOf({ repository, organization: { login: 'acme' }, sender }), repository.html_url);
  assert.equal(sourceOf({ organization: { login: 'acme' }, sender }), 'https://github.com/acme');
  assert.equal(
    sourceOf({ organization: { login: 'acme' }, sender: { html_url: 'https://git.example.com/mona' } }),
    'https://git.example.com/acme',
  );
  assert.equal(
    sourceOf({ enterprise: { html_url: 'https://github.com/enterprises/big' }, sender }),
    'https://github.com/enterprises/big',
  );
  assert.equal(
    sourceOf({ installation: { account: { html_url: 'https://github.com/acme' } }, sender }),
    'https://github.com/acme',
  );
  assert.equal(sourceOf({ sender }), 'https://github.com/mona');
  assert.equal(sourceOf({}), 'https://github.com');
});

test('github: an action that is any text, as in repository_dispatch, ends the type', () => {
  const { type } = eventOf(delivery('repository_dispatch', { action: 'Deploy to prod! é', repository })).attributes;

  assert.equal(type, 'com.github.repository_dispatch.Deploy to prod! é');
});

test('github: the SHA-1 signature alone is not accepted', () => {
  const request = delivery('push', push, { 'x-hub-signature-256': undefined });
  const sha1 = `sha1=${createHmac('sha1', secret).update(request.body).digest('hex')}`;

  const verification = github.verify(rawRequest(request, { 'x-hub-signature': sha1 }), [github.key(secret)], now);

  assert.ok(verification.kind === 'rejected' && verification.code === 'SIGNATURE_MISSING');
  assert.match(verification.reason, /SHA-1/);
});

test('github: a SHA-256 header with sha1 in it, capitals or a space is rejected', () => {
  const good = delivery('push', push);
  const hex = good.headers['x-hub-signature-256']!.slice(7);
  for (const value of [
    `sha1=${hex}`,
    hex,
    `sha256=${hex.toUpperCase()}`,
    `sha256= ${hex}`,
    `sha256=${hex} `,
    `SHA256=${hex}`,
  ]) {
    const verification = github.verify(rawRequest(good, { 'x-hub-signature-256': value }), [github.key(secret)], now);
    assert.ok(verification.kind === 'rejected' && verification.code === 'SIGNATURE_INVALID', value);
  }
});

test('github: a form-encoded delivery is refused with the way out', () => {
  const request = delivery('push', Buffer.from(`payload=${encodeURIComponent(JSON.stringify(push))}`), {
    'content-type': 'application/x-www-form-urlencoded',
  });

  assert.throws(() => github.normalize(request), { code: 'CONTENT_TYPE_UNSUPPORTED', message: /application\/json/ });
});

test('github: content types other than JSON are refused, spellings of it are not', () => {
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json ;charset=UTF-8']) {
    assert.equal(codeOf(delivery('push', push, { 'content-type': type })), 'accepted', type);
  }
  for (const type of [
    'text/json',
    'application/jsonp',
    'text/plain',
    'application/json, text/plain',
    'x;application/json',
  ]) {
    assert.equal(codeOf(delivery('push', push, { 'content-type': type })), 'CONTENT_TYPE_UNSUPPORTED', type);
  }
});

test('github: a body that is not a JSON object in UTF-8 is refused with its code', () => {
  const cases = [
    ['', 'NOT_JSON'],
    ['{', 'NOT_JSON'],
    ['\ufeff{}', 'NOT_JSON'],
    ['[]', 'REQUEST_INVALID'],
    ['null', 'REQUEST_INVALID'],
    ['7', 'REQUEST_INVALID'],
  ] as const;
  for (const [body, code] of cases) assert.equal(codeOf(delivery('push', Buffer.from(body))), code, body);
  assert.equal(codeOf(delivery('push', Buffer.from('{"ref":"\xff"}', 'latin1'))), 'NOT_UTF8');
  assert.equal(codeOf(delivery('push', push, { 'content-encoding': 'gzip' })), 'ENCODING_UNSUPPORTED');
});

test('github: a delivery id or event name that came twice is refused', () => {
  for (const header of ['x-github-delivery', 'x-github-event']) {
    for (const value of ['a, a', 'a b', 'x'.repeat(200), 'é', '../x', 'a\r\nb']) {
      assert.equal(codeOf(delivery('push', push, { [header]: value })), 'REQUEST_INVALID', `${header}: ${value}`);
    }
  }
});

test('github: a simulated push has the shape of a real one', () => {
  const sample = github.simulate('push', 'x', secret, now);
  const made = JSON.parse(sample.body.toString()) as Readonly<Record<string, unknown>>;

  for (const [name, value] of Object.entries(made)) {
    assert.ok(name in push, name);
    if (name !== 'head_commit') assert.equal(Array.isArray(value), Array.isArray(push[name]), name);
  }
  for (const name of Object.keys(push)) assert.ok(name in made, name);
  assert.match(
    sample.headers['x-github-delivery']!,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.match(sample.headers['user-agent']!, /^GitHub-Hookshot\/[0-9a-f]{7}$/);
});

test('github: simulated payloads use only field names that real ones have', () => {
  for (const name of github.samples) {
    const [event] = name.split('.');
    const real = examples.find((example) => example.name === event)!.examples;
    const made = JSON.parse(github.simulate(name, 'x', secret, now).body.toString()) as Readonly<
      Record<string, object>
    >;
    for (const [field, value] of Object.entries(made)) {
      const alike = real.filter((payload) => field in payload).map((payload) => payload[field]);
      assert.ok(alike.length > 0, `${name}: ${field}`);
      if (value === null || typeof value !== 'object' || Array.isArray(value)) continue;
      const names = new Set(alike.flatMap((one) => (one === null ? [] : Object.keys(one as object))));
      for (const inner of Object.keys(value)) assert.ok(names.has(inner), `${name}: ${field}.${inner}`);
    }
  }
});

test('github: a branch named like a payload key of Object.prototype pollutes nothing', () => {
  const body = Buffer.from(
    '{"__proto__":{"repository":{"html_url":"https://evil.example"},"action":"x"},"constructor":{}}',
  );

  const { attributes } = eventOf(delivery('push', body));

  assert.equal(attributes.source, 'https://github.com');
  assert.equal(attributes.type, 'com.github.push');
  assert.equal(({} as Readonly<Record<string, unknown>>)['action'], undefined);
});
