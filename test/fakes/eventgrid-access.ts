// Who may call the fake Event Grid: access keys, shared access signatures and Entra tokens, judged as the documentation
// says; and the managed identity endpoints that give such tokens out.
// Sources: Azure Event Grid, "Authenticate using access keys or shared access signatures"; App Service and IMDS token
// endpoints.

import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from './eventgrid-clock.ts';

export interface AccessSettings {
  /** In base64, as Azure's are. Two, so that one can be changed. */
  readonly keys: readonly string[];
  /** Keys and signatures are refused. */
  readonly disableLocalAuth?: boolean;
}

const RESOURCE = 'https://eventgrid.azure.net';
const TOKEN_SECONDS = 3_600;

const sign = (text: string, key: string | Buffer): string => createHmac('sha256', key).update(text).digest('base64');

export interface Identity {
  readonly header: string;
  /** How many tokens were given out. */
  issued(): number;
  /** The answer to a request for a token; undefined when the request is none. */
  answer(request: IncomingMessage): { readonly status: number; readonly body: string } | undefined;
  /** Why a token is refused. */
  problem(token: string): string | undefined;
  /** Every token so far is refused from now on. */
  revoke(): void;
}

export function createIdentity(clock: Clock): Identity {
  const key = Buffer.from('test key of the fake identity provider');
  const header = 'fake-identity-header';
  let issued = 0;
  let revoked = 0;

  function token(): { readonly status: number; readonly body: string } {
    const expires = Math.floor(clock.now() / 1_000) + TOKEN_SECONDS;
    const claims = Buffer.from(JSON.stringify({ aud: RESOURCE, exp: expires, n: ++issued })).toString('base64url');
    const value = `${claims}.${Buffer.from(sign(claims, key), 'base64').toString('base64url')}`;
    const body = { access_token: value, expires_on: String(expires), resource: RESOURCE, token_type: 'Bearer' };
    return { status: 200, body: JSON.stringify(body) };
  }

  function refuse(says: string): { readonly status: number; readonly body: string } {
    return { status: 400, body: JSON.stringify({ error: 'invalid_request', error_description: says }) };
  }

  return {
    header,
    issued: () => issued,
    answer({ method, url = '', headers }) {
      const { pathname, searchParams } = new URL(url, 'http://fake');
      const isApp = pathname === '/msi/token';
      if (!isApp && pathname !== '/metadata/identity/oauth2/token') return undefined;
      if (method !== 'GET') return refuse('GET only');
      if (isApp ? headers['x-identity-header'] !== header : headers['metadata'] !== 'true')
        return refuse('header missing');
      if (searchParams.get('api-version') !== (isApp ? '2019-08-01' : '2018-02-01')) return refuse('api-version');
      return searchParams.get('resource') === RESOURCE ? token() : refuse('resource');
    },
    problem(given) {
      const [claims = '', signature = ''] = given.split('.');
      if (Buffer.from(sign(claims, key), 'base64').toString('base64url') !== signature) return 'the token is not ours';
      const { aud, exp, n } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
        aud: string;
        exp: number;
        n: number;
      };
      if (aud !== RESOURCE) return 'the token is for another resource';
      if (n <= revoked) return 'the token was revoked';
      return exp * 1_000 > clock.now() ? undefined : 'the token has expired';
    },
    revoke() {
      revoked = issued;
    },
  };
}

/** A signature is valid for every resource its own is a prefix of. */
function sasProblem(
  sas: string,
  keys: readonly string[],
  { resource, now }: { resource: string; now: number },
): string | undefined {
  const unsigned = /^(r=[^&]+&e=[^&]+)&s=([^&]+)$/.exec(sas);
  if (unsigned === null) return 'the signature is malformed';
  const [, text = '', signature = ''] = unsigned;
  if (!keys.some((key) => sign(text, Buffer.from(key, 'base64')) === decodeURIComponent(signature))) {
    return 'the signature does not match';
  }
  const given = new URLSearchParams(text);
  const expiry = Date.parse(`${given.get('e')} UTC`);
  if (Number.isNaN(expiry)) return 'the expiry is no time';
  if (expiry <= now) return 'the signature has expired';
  // The SDK signs the endpoint with a query of its own.
  const signed = given.get('r')!.replace(/\?.*$/, '');
  return resource.startsWith(signed) ? undefined : `the signature is for ${signed}`;
}

export interface Guard {
  readonly settings: AccessSettings;
  readonly identity: Identity;
  readonly clock: Clock;
}

/** Why a request is refused with 401; undefined when it is let in. `resource`: its url without the query. */
export function accessProblem(
  request: IncomingMessage,
  tier: 'topic' | 'namespace',
  resource: string,
  guard: Guard,
): string | undefined {
  const { settings, identity, clock } = guard;
  const { authorization = '', 'aeg-sas-key': headerKey, 'aeg-sas-token': headerSas } = request.headers;
  const [scheme = '', credential = ''] = authorization.split(/ (.*)/s);
  if (scheme === 'Bearer') return identity.problem(credential);
  if (settings.disableLocalAuth === true) return 'local authentication is disabled';
  const key = headerKey ?? (tier === 'namespace' && scheme === 'SharedAccessKey' ? credential : undefined);
  if (key !== undefined) return settings.keys.includes(String(key)) ? undefined : 'the key does not match';
  const sas = headerSas ?? (scheme === 'SharedAccessSignature' ? credential : undefined);
  if (sas === undefined) return 'no credential';
  return sasProblem(String(sas), settings.keys, { resource, now: clock.now() });
}
