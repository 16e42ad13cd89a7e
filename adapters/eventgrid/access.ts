// How requests to Event Grid are signed: an access key, a shared access signature or a token of the host's managed
// identity. Secrets are read from the environment once, sent in headers and shown nowhere.
// Sources: Azure Event Grid, "Authenticate using access keys or shared access signatures"; App Service and IMDS, "managed
// identities: REST endpoint reference" (api versions 2019-08-01 and 2018-02-01).

import { RouterError } from '../../router/errors.ts';
import type { AdapterParts } from '../adapter.ts';
import { pause } from '../pause.ts';
import { reasonOf } from './map-error.ts';
import type { EventGridOptions } from './options.ts';

export interface Grant {
  readonly headers: Readonly<Record<string, string>>;
  /** It was got some time ago: where the service refuses it, a new one may do. */
  readonly renewable: boolean;
}

export interface Access {
  grant(signal: AbortSignal): Promise<Grant>;
  /** The service did not take it: the next call gets another, where there is another. */
  drop(grant: Grant): void;
}

export type AccessParts = Pick<AdapterParts, 'env' | 'now'>;

const IMDS = 'http://169.254.169.254';
const TOKEN_TIMEOUT_MS = 10_000;
// A token is renewed before it ends, so that none ends on its way.
const EARLY_MS = 300_000;
const TRIES = 3;

/** Throws SECRET_MISSING. `option`: which one names the variable. */
export function secretOf(name: string, option: string, { env }: AccessParts): string {
  const secret = env(name);
  if (secret !== undefined && secret !== '') return secret;
  throw new RouterError('SECRET_MISSING', `eventgrid: the variable ${name}, which ${option} names, is not set`);
}

/** A secret goes into a header: whatever would end the header or is no secret of this kind is refused unseen. */
function checkSecret(secret: string, name: string, due: string): string {
  if (/^[\x21-\x7e]+$/.test(secret)) return secret;
  throw new RouterError(
    'SECRET_INVALID',
    `eventgrid: the variable ${name} must hold ${due}, without blanks or line ends`,
  );
}

function fixed(headers: Readonly<Record<string, string>>): Access {
  const grant = { headers, renewable: false };
  return { grant: async () => grant, drop: () => undefined };
}

/** When a signature ends, in ms since the epoch; undefined where that cannot be read. .NET writes it in US form, UTC. */
export function sasExpiry(sas: string): number | undefined {
  const expiry = new URLSearchParams(sas).get('e');
  if (expiry === null) return undefined;
  const hasZone = /(?:[zZ]|[+-]\d\d:?\d\d| (?:UTC|GMT))$/.test(expiry);
  const at = Date.parse(hasZone ? expiry : `${expiry}${expiry.includes('/') ? ' UTC' : 'Z'}`);
  return Number.isNaN(at) ? undefined : at;
}

function sasAccess(name: string, options: EventGridOptions, parts: AccessParts): Access {
  const due = "a signature r=...&e=...&s=..., as Azure's tools make it";
  const sas = checkSecret(secretOf(name, 'sas', parts), name, due);
  const given = new URLSearchParams(sas);
  if (!given.has('r') || !given.has('e') || !given.has('s')) {
    throw new RouterError('SECRET_INVALID', `eventgrid: the variable ${name} must hold ${due}`);
  }
  const expiry = sasExpiry(sas);
  if (expiry !== undefined && expiry <= parts.now()) {
    const at = new Date(expiry).toISOString();
    throw new RouterError('SECRET_INVALID', `eventgrid: the signature in ${name} ended at ${at}; make a new one`);
  }
  return fixed(
    options.topic === undefined ? { 'aeg-sas-token': sas } : { authorization: `SharedAccessSignature ${sas}` },
  );
}

function keyAccess(
  name: string,
  option: string,
  { options, parts }: { options: EventGridOptions; parts: AccessParts },
): Access {
  const key = checkSecret(secretOf(name, option, parts), name, 'an access key');
  return fixed(options.topic === undefined ? { 'aeg-sas-key': key } : { authorization: `SharedAccessKey ${key}` });
}

interface Token {
  readonly value: string;
  readonly endsAt: number;
}

/** App Service, Functions and Container Apps name an endpoint; virtual machines have one at a fixed address. */
function tokenRequest(
  resource: string,
  { env }: AccessParts,
): { readonly url: string; readonly headers: Readonly<Record<string, string>> } {
  const endpoint = env('IDENTITY_ENDPOINT');
  const header = env('IDENTITY_HEADER');
  const isApp = endpoint !== undefined && endpoint !== '' && header !== undefined;
  const url = new URL(
    isApp ? endpoint : `${env('AZURE_POD_IDENTITY_AUTHORITY_HOST') || IMDS}/metadata/identity/oauth2/token`,
  );
  url.searchParams.set('api-version', isApp ? '2019-08-01' : '2018-02-01');
  url.searchParams.set('resource', resource);
  const client = env('AZURE_CLIENT_ID');
  if (client !== undefined && client !== '') url.searchParams.set('client_id', client);
  return { url: url.href, headers: isApp ? { 'x-identity-header': header } : { metadata: 'true' } };
}

function readToken(body: unknown, now: number): Token | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { access_token: value, expires_on: expires } = body as { access_token?: unknown; expires_on?: unknown };
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(value)) return undefined;
  const seconds = Number(expires);
  // Without a usable end it is used for this call only.
  return { value, endsAt: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : now };
}

async function fetchToken(resource: string, parts: AccessParts): Promise<Token> {
  const { url, headers } = tokenRequest(resource, parts);
  const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
  for (let attempt = 1; ; attempt++) {
    let response: Response;
    try {
      response = await fetch(url, { headers, redirect: 'error', signal });
    } catch (cause) {
      throw new RouterError('BUS_UNAVAILABLE', 'eventgrid: the managed identity endpoint does not answer', { cause });
    }
    const { status } = response;
    const token = readToken(await response.json().catch(() => undefined), parts.now());
    if (status === 200 && token !== undefined) return token;
    // The endpoint asks to be asked again after these.
    const isBusy = status === 404 || status === 410 || status === 429 || status >= 500;
    if (!isBusy || attempt === TRIES) {
      const says = `the managed identity endpoint gives no token (status ${status})`;
      throw new RouterError(isBusy ? 'BUS_UNAVAILABLE' : 'UNAUTHORIZED', `eventgrid: ${says}`, { status });
    }
    await pause(100 * 2 ** attempt, signal);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(reasonOf(signal, 'waiting for a token'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

/** Tokens of the host's managed identity for `resource`, such as https://storage.azure.com/. */
export function entraAccess(resource: string, parts: AccessParts): Access {
  let current: { readonly token: Token; readonly grant: Grant } | undefined;
  let coming: Promise<Token> | undefined;

  /** Shared by all calls that wait: one that is given up does not take it from the others. */
  function renew(): Promise<Token> {
    coming ??= fetchToken(resource, parts).finally(() => {
      coming = undefined;
    });
    return coming;
  }

  return {
    async grant(signal) {
      if (current !== undefined && current.token.endsAt - EARLY_MS > parts.now()) return current.grant;
      const token = await Promise.race([renew(), aborted(signal)]);
      const headers = { authorization: `Bearer ${token.value}` };
      current = { token, grant: { headers, renewable: true } };
      return { headers, renewable: false };
    },
    drop({ headers }) {
      if (current?.grant.headers['authorization'] === headers['authorization']) current = undefined;
    },
  };
}

/** Throws CONFIG_INVALID, SECRET_MISSING or SECRET_INVALID. Calls nobody yet. */
export function openAccess(options: EventGridOptions, parts: AccessParts): Access {
  const { key, sas, entra } = options;
  const given = [key !== undefined, sas !== undefined, entra].filter(Boolean).length;
  if (given > 1)
    throw new RouterError('CONFIG_INVALID', 'eventgrid: give the bus one of key, sas and entra, not several');
  if (entra) return entraAccess('https://eventgrid.azure.net', parts);
  if (sas !== undefined) return sasAccess(sas, options, parts);
  if (key !== undefined) return keyAccess(key, 'key', { options, parts });
  if (parts.env('EVENTGRID_KEY')) return keyAccess('EVENTGRID_KEY', 'the bus', { options, parts });
  throw new RouterError(
    'CONFIG_INVALID',
    "eventgrid: no login: give the bus 'key', 'sas' or 'entra', or set EVENTGRID_KEY",
  );
}
