// Any provider that signs the raw body with an HMAC in a header -> CloudEvents. Everything else is a special case and
// has a file of its own. The options are in registry.ts; `timestamp` + `signs` cover schemes such as v0:{timestamp}:{body}.
// Without `id` the id is a hash of the source's name and the raw body (and the type, when a header gives it): a retry
// is the same event, and so are two requests that do not differ in a single byte.

import { createHash, type KeyObject } from 'node:crypto';
import { isObject, type Options, show } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { type Attributes, checkAttributes, type EventData } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { bodyData, refuseCompressed } from './body.ts';
import { seeded, unknownSample } from './sample.ts';
import { accepted, anyTime, checkStamp, type Mac, mac, rejected, sameText, textKey } from './signature.ts';
import type { Normalized, Simulated, Source, SourceParts } from './source.ts';

const kind = 'hmac';

/** Where a value is found: a header, or a path in the JSON body. */
type Place =
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'body'; readonly path: readonly string[] };

interface Scheme extends Mac {
  readonly name: string;
  readonly header: string;
  readonly prefix: string;
  readonly stampHeader?: string;
  /** The signed text is before + timestamp + between + raw body, or the raw body alone. */
  readonly before: string;
  readonly between: string;
  readonly id?: Place;
  readonly type: Place | string;
}

function place(text: string): Place | undefined {
  if (text.startsWith('header:')) return { in: 'header', name: text.slice(7).toLowerCase() };
  if (text.startsWith('body:')) return { in: 'body', path: text.slice(5).split('.') };
  return undefined;
}

function mistake(name: string, says: string): RouterError {
  return new RouterError('DOCUMENT_INVALID', `sources.${name}: ${says}`);
}

function readScheme(options: Options, name: string): Scheme {
  const text = (key: string) => options[key] as string | undefined;
  const header = text('header')!.toLowerCase();
  const stampHeader = text('timestamp')?.toLowerCase();
  const signs = text('signs');
  if (signs !== undefined && stampHeader === undefined)
    throw mistake(name, "'signs' needs 'timestamp', a header's name");
  const template = /^([^{}]*)\{timestamp\}([^{}]*)\{body\}$/.exec(signs ?? '{timestamp}.{body}');
  if (template === null) throw mistake(name, "'signs' must read like 'v0:{timestamp}:{body}'");

  const id = text('id') === undefined ? undefined : place(text('id')!);
  const type = text('type') === undefined ? `${kind}.${name}` : (place(text('type')!) ?? text('type')!);
  const taken = [id, type].map((found) =>
    typeof found === 'object' && found.in === 'header' ? found.name : undefined,
  );
  if ([...taken, stampHeader].includes(header)) {
    throw mistake(name, `header '${header}' holds the signature; 'id', 'type' and 'timestamp' must name other headers`);
  }
  return {
    name,
    header,
    prefix: text('prefix') ?? '',
    algorithm: (text('algorithm') as Mac['algorithm'] | undefined) ?? 'sha256',
    encoding: (text('encoding') as Mac['encoding'] | undefined) ?? 'hex',
    before: template[1]!,
    between: template[2]!,
    type,
    ...(stampHeader === undefined ? {} : { stampHeader }),
    ...(id === undefined ? {} : { id }),
  };
}

function sign(scheme: Scheme, key: KeyObject, sent: string | undefined, body: Buffer): string {
  const before = sent === undefined ? '' : `${scheme.before}${sent}${scheme.between}`;
  return `${scheme.prefix}${mac(scheme, key, before, body)}`;
}

function verify(scheme: Scheme, request: RawRequest, keys: readonly KeyObject[], now: Date) {
  const { header, prefix, stampHeader } = scheme;
  const given = request.headers[header];
  if (given === undefined || given === '') {
    return rejected('SIGNATURE_MISSING', `${scheme.name}: header '${header}' is missing`);
  }
  const sent = stampHeader === undefined ? undefined : (request.headers[stampHeader] ?? '');
  if (sent !== undefined) {
    const wrongStamp = checkStamp(anyTime(sent), stampHeader!, now);
    if (wrongStamp !== undefined) return wrongStamp;
  }
  // Some senders write hexadecimal in capitals. The prefix is compared as it is.
  const digits = given.slice(prefix.length);
  const plain = scheme.encoding === 'hex' ? `${given.slice(0, prefix.length)}${digits.toLowerCase()}` : given;
  for (const key of keys) if (sameText(sign(scheme, key, sent, request.body), plain)) return accepted;
  return rejected('SIGNATURE_INVALID', `${scheme.name}: header '${header}' does not match any configured secret`);
}

function walk(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (Array.isArray(found)) found = /^\d{1,9}$/.test(name) ? found[Number(name)] : undefined;
    else found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const numbersAsWritten: Reviver = (_key, value, { source }) => (typeof value === 'number' ? source : value);

// Two ids beyond 2^53 would become one when read as numbers, so such a number is taken as it was written.
function exact(data: EventData, path: readonly string[]): unknown {
  try {
    return walk(JSON.parse(data.bytes.toString('utf8'), numbersAsWritten as Parameters<typeof JSON.parse>[1]), path);
  } catch {
    // a body nested so deep that the reviver runs out of stack
    return undefined;
  }
}

function fromBody(data: EventData | undefined, path: readonly string[]): unknown {
  if (data?.kind !== 'json') return undefined;
  const value = walk(data.parsed, path);
  if (typeof value !== 'number') return value;
  return Number.isSafeInteger(value) ? String(value) : exact(data, path);
}

function read(scheme: Scheme, what: string, from: Place, request: RawRequest, data: EventData | undefined): string {
  const value = from.in === 'header' ? request.headers[from.name] : fromBody(data, from.path);
  if (typeof value === 'string' && value !== '') return value;
  const where = from.in === 'header' ? `header '${from.name}'` : `'${from.path.join('.')}' in a JSON body`;
  throw new RouterError(
    'REQUEST_INVALID',
    `${scheme.name}: the ${what} is due in ${where} as a non-empty text, found ${value === '' ? "''" : show(value)}`,
    { source: kind },
  );
}

function bodyId(scheme: Scheme, type: string, body: Buffer): string {
  const hash = createHash('sha256').update(scheme.name).update('\0');
  // What tells two equal bodies apart may be the header that names the type.
  if (typeof scheme.type === 'object' && scheme.type.in === 'header') hash.update(type).update('\0');
  return hash.update(body).digest('hex').slice(0, 32);
}

function normalize(scheme: Scheme, request: RawRequest): readonly Normalized[] {
  refuseCompressed(kind, request);
  const { data, datacontenttype } = bodyData(kind, request);
  const type = typeof scheme.type === 'string' ? scheme.type : read(scheme, 'type', scheme.type, request, data);
  const id =
    scheme.id === undefined ? bodyId(scheme, type, request.body) : read(scheme, 'id', scheme.id, request, data);
  const attributes: { -readonly [Name in keyof Attributes]: Attributes[Name] } = {
    specversion: '1.0',
    id,
    source: `/webhooks/${encodeURIComponent(scheme.name)}`,
    type,
  };
  if (datacontenttype !== undefined) attributes.datacontenttype = datacontenttype;
  checkAttributes(attributes);
  return [{ kind: 'event', event: data === undefined ? { attributes } : { attributes, data } }];
}

const samples = ['order.created', 'order.paid'] as const;

// Puts `text` where the options will look for it: fields of objects only, which is what a document writes.
function plant(fields: Record<string, unknown>, path: readonly string[], text: string): void {
  let level = fields;
  for (const name of path.slice(0, -1)) {
    const next = Object.hasOwn(level, name) && isObject(level[name]) ? { ...level[name] } : {};
    Object.defineProperty(level, name, { value: next, enumerable: true, configurable: true, writable: true });
    level = next;
  }
  const last = path.at(-1)!;
  Object.defineProperty(level, last, { value: text, enumerable: true, configurable: true, writable: true });
}

interface Asked {
  readonly seed: string;
  readonly secret: string;
  readonly now: Date;
}

function simulate(scheme: Scheme, sample: string, { seed, secret, now }: Asked): Simulated {
  if (!(samples as readonly string[]).includes(sample)) throw unknownSample(kind, sample, samples);
  const from = seeded(kind, sample, seed);
  const order = { number: 10000 + from.number('order', 89999), currency: 'eur', total: 4200, reference: seed };
  const fields: Record<string, unknown> = { event: sample, id: from.uuid('id'), order };
  const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'hmac-simulator/1.0' };
  const wanted = [
    [scheme.id, from.uuid('id')],
    [typeof scheme.type === 'object' ? scheme.type : undefined, sample],
  ] as const;
  for (const [where, text] of wanted) {
    if (where?.in === 'header') headers[where.name] = text;
    else if (where !== undefined) plant(fields, where.path, text);
  }
  const body = Buffer.from(JSON.stringify(fields), 'utf8');
  const sent = scheme.stampHeader === undefined ? undefined : String(Math.floor(now.getTime() / 1000));
  if (sent !== undefined) headers[scheme.stampHeader!] = sent;
  if (secret !== '') headers[scheme.header] = sign(scheme, textKey(kind, secret), sent, body);
  return { headers, body };
}

export function open(options: Options, { name }: SourceParts): Source {
  const scheme = readScheme(options, name);
  const allowed = new Set(['content-type', 'user-agent']);
  for (const from of [scheme.id, scheme.type])
    if (typeof from === 'object' && from.in === 'header') allowed.add(from.name);
  if (scheme.stampHeader !== undefined) allowed.add(scheme.stampHeader);
  allowed.delete(scheme.header);
  return {
    kind,
    headers: [...allowed],
    needsSecret: true,
    key: (secret) => textKey(kind, secret),
    newSecret: (random) => random.toString('hex'),
    verify: (request, keys, now) => verify(scheme, request, keys, now),
    normalize: (request) => normalize(scheme, request),
    samples,
    simulate: (sample, seed, secret, now) => simulate(scheme, sample, { seed, secret, now }),
  };
}
