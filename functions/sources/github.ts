// GitHub webhooks -> CloudEvents. The body is verified over raw bytes, read once and never re-serialised.
// X-GitHub-Delivery and X-GitHub-Event are not part of what GitHub signs, and no timestamp is: whoever holds a signed
// body can send it again under a new id. TLS is what keeps it from strangers.
// Facts: docs.github.com "Validating webhook deliveries" and "Webhook events and payloads"; the type follows the
// cloudevents/spec adapter for GitHub; every field was compared with @octokit/webhooks-examples 7.6.1.

import { type Options, show } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { type Attributes, isAttributeString, isTimestamp, isUriReference, jsonData } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { parseJson } from '../../router/wire/json.ts';
import { mediaType, refuseCompressed } from './body.ts';
import { type Path, subjects, times } from './github-fields.ts';
import { githubSample, githubSamples } from './github-samples.ts';
import { accepted, type Mac, mac, rejected, sameText, textKey } from './signature.ts';
import type { Normalized, Source, SourceParts } from './source.ts';

type Payload = Readonly<Record<string, unknown>>;

const kind = 'github';
const signatureHeader = 'x-hub-signature-256';
const scheme: Mac = { algorithm: 'sha256', encoding: 'hex' };
const site = 'https://github.com';

// A duplicated header arrives joined with ", " and fails both.
const DELIVERY = /^[\w.:-]{1,128}$/;
const EVENT = /^[a-z][a-z0-9_]{0,63}$/;

function verify(request: RawRequest, keys: Parameters<Source['verify']>[1]) {
  const given = request.headers[signatureHeader];
  if (given === undefined || given === '') {
    const sha1 = request.headers['x-hub-signature'] === undefined ? '' : '; the SHA-1 signature is not accepted';
    return rejected(
      'SIGNATURE_MISSING',
      `github: header '${signatureHeader}' is missing${sha1}; set a secret in the hook`,
    );
  }
  for (const key of keys) {
    if (sameText(`sha256=${mac(scheme, key, '', request.body)}`, given)) return accepted;
  }
  return rejected('SIGNATURE_INVALID', `github: header '${signatureHeader}' does not match any configured secret`);
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Payload)[name] : undefined;
}

function of<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function at(payload: Payload, path: Path): unknown {
  let value: unknown = payload;
  for (const name of path) value = member(value, name);
  return value;
}

// Organizations carry no html_url, so the address is built on the host that the sender's page names (a GitHub
// Enterprise Server has its own).
function accountPage(login: unknown, sender: unknown): string | undefined {
  if (typeof login !== 'string' || login === '') return undefined;
  const page = member(sender, 'html_url');
  const origin = typeof page === 'string' ? URL.parse(page)?.origin : undefined;
  return `${origin === undefined || origin === 'null' ? site : origin}/${encodeURIComponent(login.toWellFormed())}`;
}

/** Always a URI-reference: the repository, else who the event is about, else the site. */
function sourceOf(payload: Payload): string {
  const page = member(payload['repository'], 'html_url');
  if (typeof page === 'string' && isUriReference(page)) return page;
  const account = member(payload['installation'], 'account');
  const candidates = [
    accountPage(member(payload['organization'], 'login'), payload['sender']),
    member(payload['enterprise'], 'html_url'),
    member(account, 'html_url'),
    member(payload['sender'], 'html_url'),
  ];
  for (const text of candidates) if (typeof text === 'string' && isUriReference(text)) return text;
  return site;
}

function subjectOf(event: string, payload: Payload): string | undefined {
  const path = of(subjects, event);
  const value = path === undefined ? undefined : at(payload, path);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  return typeof value === 'string' && value !== '' && isAttributeString(value) ? value : undefined;
}

const two = (part: number) => (part < 10 ? `0${part}` : `${part}`);
let day = { since1970: Number.NaN, text: '' };

// A push has seconds where all else has RFC 3339. Most are of one day, and toISOString for each would cost more than
// all other attributes together (0.8 of 2.2 us, measured).
function secondsText(seconds: number): string {
  const since1970 = Math.floor(seconds / 86_400);
  if (day.since1970 !== since1970) {
    day = { since1970, text: new Date(since1970 * 86_400_000).toISOString().slice(0, 11) };
  }
  const rest = seconds % 86_400;
  return `${day.text}${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}Z`;
}

// 253402300800: the first second of the year 10000, which RFC 3339 cannot write
function timeText(value: unknown): string | undefined {
  if (typeof value === 'string') return isTimestamp(value) ? value : undefined;
  if (!Number.isSafeInteger(value) || (value as number) <= 0 || (value as number) >= 253402300800) return undefined;
  return secondsText(value as number);
}

/** When it happened by GitHub's word, or nothing: what arrives again must carry the same time. */
function timeOf(event: string, action: string | undefined, payload: Payload): string | undefined {
  // What was deleted shows when it was last changed, perhaps years ago, and not when it went.
  if (action === 'deleted') return undefined;
  const own = action === undefined ? undefined : of(times, `${event}.${action}`);
  for (const path of own ?? of(times, event) ?? []) {
    const time = timeText(at(payload, path));
    if (time !== undefined) return time;
  }
  return undefined;
}

function actionOf(payload: Payload): string | undefined {
  const action = payload['action'];
  // repository_dispatch takes any text as action, so it is checked like one.
  return typeof action === 'string' && action !== '' && isAttributeString(action) ? action : undefined;
}

function requireHeader(request: RawRequest, name: string, form: RegExp, due: string): string {
  const value = request.headers[name];
  if (value !== undefined && form.test(value)) return value;
  const found = value === undefined ? 'it is missing' : `found ${show(value)}`;
  throw new RouterError('REQUEST_INVALID', `github: header '${name}' must be ${due}, ${found}`, { source: kind });
}

function checkContentType(request: RawRequest): void {
  const type = mediaType(request.headers['content-type']);
  if (type === 'application/json' || type === '') return;
  const hint = type === 'application/x-www-form-urlencoded' ? "; set the hook's content type to application/json" : '';
  throw new RouterError(
    'CONTENT_TYPE_UNSUPPORTED',
    `github: content type must be application/json, found ${show(type)}${hint}`,
    { source: kind },
  );
}

function normalize(request: RawRequest): readonly Normalized[] {
  checkContentType(request);
  refuseCompressed(kind, request);
  const id = requireHeader(request, 'x-github-delivery', DELIVERY, 'the id GitHub gives each delivery');
  const event = requireHeader(request, 'x-github-event', EVENT, 'the name of an event, such as push');
  const payload = parseJson(request.body, 'github: the body');
  if (!isPayload(payload)) {
    throw new RouterError('REQUEST_INVALID', `github: the body must be a JSON object, found ${show(payload)}`, {
      source: kind,
    });
  }

  const action = actionOf(payload);
  const attributes: { -readonly [Name in keyof Attributes]: Attributes[Name] } = {
    specversion: '1.0',
    id,
    source: sourceOf(payload),
    type: action === undefined ? `com.github.${event}` : `com.github.${event}.${action}`,
    datacontenttype: 'application/json',
  };
  const subject = subjectOf(event, payload);
  if (subject !== undefined) attributes.subject = subject;
  const time = timeOf(event, action, payload);
  if (time !== undefined) attributes.time = time;
  return [{ kind: 'event', event: { attributes, data: jsonData(request.body, payload) } }];
}

export function open(_options: Options, _parts: SourceParts): Source {
  return {
    kind,
    headers: [
      'content-type',
      'user-agent',
      'x-github-delivery',
      'x-github-event',
      'x-github-hook-id',
      'x-github-hook-installation-target-id',
      'x-github-hook-installation-target-type',
      'x-github-enterprise-host',
      'x-github-enterprise-version',
    ],
    needsSecret: true,
    key: (secret) => textKey(kind, secret),
    newSecret: (random) => random.toString('hex'),
    verify,
    normalize,
    samples: githubSamples,
    simulate: (sample, seed, secret, now) => {
      const { headers, body } = githubSample(sample, seed, now);
      if (secret === '') return { headers, body };
      const signature = `sha256=${mac(scheme, textKey(kind, secret), '', body)}`;
      return { headers: { ...headers, [signatureHeader]: signature }, body };
    },
  };
}
