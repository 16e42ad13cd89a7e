// How requests to Blob Storage are signed: the account's key, a shared access signature, or a token of the host's managed
// identity. Secrets are read from the environment once and shown nowhere; a signature is part of a signed url, so such a
// url is never written anywhere.
// Sources: Azure Storage REST API, "Authorize with Shared Key" and "with Microsoft Entra ID"; "Configure Azure Storage
// connection strings".

import { createHmac } from 'node:crypto';
import { RouterError } from '../../router/errors.ts';
import { type AccessParts, entraAccess, secretOf } from './access.ts';

export interface BlobRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly url: URL;
  /** Names in lower case, the version among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: number;
}

export interface Signed extends Pick<BlobRequest, 'url' | 'headers'> {
  /** To be called when the service did not take it (401): true where the next one may be taken. */
  readonly refused?: () => boolean;
}

export interface BlobLogin {
  sign(request: BlobRequest, signal: AbortSignal): Promise<Signed>;
}

const RESOURCE = 'https://storage.azure.com/';
const DUE = 'a connection string with AccountName and AccountKey, or a shared access signature sv=...&sig=...';

/** All of a request that a key signs, in the order of the documentation. */
function textToSign({ method, url, headers, bytes }: BlobRequest, account: string): string {
  const standard = ['encoding', 'language', 'length', 'md5', 'type'].map((name) =>
    name === 'length' && bytes > 0 ? String(bytes) : (headers[`content-${name}`] ?? ''),
  );
  // The date stands in x-ms-date, so its own line is empty.
  const conditions = ['if-modified-since', 'if-match', 'if-none-match', 'if-unmodified-since', 'range'];
  const own = Object.keys(headers).filter((name) => name.startsWith('x-ms-'));
  const query = [...url.searchParams].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    method,
    ...standard,
    '',
    ...conditions.map((name) => headers[name] ?? ''),
    ...own.sort().map((name) => `${name}:${headers[name]}`),
    `/${account}${url.pathname}`,
    ...query.map(([name, value]) => `${name}:${value}`),
  ].join('\n');
}

function keyLogin(account: string, key: Buffer, now: () => number): BlobLogin {
  return {
    async sign(request) {
      const headers = { ...request.headers, 'x-ms-date': new Date(now()).toUTCString() };
      const text = textToSign({ ...request, headers }, account);
      const signature = createHmac('sha256', key).update(text).digest('base64');
      return { url: request.url, headers: { ...headers, authorization: `SharedKey ${account}:${signature}` } };
    },
  };
}

function sasLogin(given: string, name: string, now: number): BlobLogin {
  const sas = given.replace(/^\?/, '');
  const fields = new URLSearchParams(sas);
  if (!/^[\x21-\x7e]+$/.test(sas) || !fields.has('sv') || !fields.has('sig')) {
    throw new RouterError('SECRET_INVALID', `eventgrid: the variable ${name} must hold ${DUE}`);
  }
  const ends = Date.parse(fields.get('se') ?? '');
  if (ends <= now) {
    const at = new Date(ends).toISOString();
    throw new RouterError('SECRET_INVALID', `eventgrid: the signature in ${name} ended at ${at}; make a new one`);
  }
  return {
    async sign({ url, headers }) {
      const signed = new URL(url);
      signed.search = signed.search === '' ? sas : `${signed.search}&${sas}`;
      return { url: signed, headers };
    },
  };
}

function identityLogin(parts: AccessParts): BlobLogin {
  const access = entraAccess(RESOURCE, parts);
  return {
    async sign({ url, headers }, signal) {
      const grant = await access.grant(signal);
      const refused = (): boolean => {
        access.drop(grant);
        return grant.renewable;
      };
      return { url, headers: { ...headers, ...grant.headers }, refused };
    },
  };
}

function readConnectionString(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').map((part) => part.trim().split('='));
  // Keys and signatures have equals signs of their own.
  return new Map(pairs.map(([name = '', ...value]) => [name.toLowerCase(), value.join('=')]));
}

/** A key of another account would only show as a refusal. */
function checkAccount(fields: ReadonlyMap<string, string>, container: URL, name: string): void {
  const endpoint = fields.get('blobendpoint');
  if (endpoint === undefined || `${container.href}/`.startsWith(`${endpoint.replace(/\/$/, '')}/`)) return;
  throw new RouterError(
    'CONFIG_INVALID',
    `eventgrid: 'failures' is on ${container.host} and the BlobEndpoint of ${name} is another; use one account`,
  );
}

function variableLogin(name: string, container: URL, parts: AccessParts): BlobLogin {
  const secret = secretOf(name, 'failuresLogin', parts).trim();
  const fields = readConnectionString(secret);
  const signature = fields.get('sharedaccesssignature');
  const [account, key] = [fields.get('accountname'), fields.get('accountkey')];
  if (signature === undefined && key === undefined) return sasLogin(secret, name, parts.now());
  checkAccount(fields, container, name);
  if (signature !== undefined) return sasLogin(signature, name, parts.now());
  if (account === undefined || !/^[a-z0-9]{3,24}$/.test(account) || !/^[A-Za-z0-9+/]{4,}={0,2}$/.test(key!)) {
    throw new RouterError('SECRET_INVALID', `eventgrid: the variable ${name} must hold ${DUE}`);
  }
  return keyLogin(account, Buffer.from(key!, 'base64'), parts.now);
}

export interface BlobLoginOptions {
  readonly container: URL;
  /** The variable that holds a connection string or a signature. */
  readonly failuresLogin?: string | undefined;
  readonly entra: boolean;
}

/** Throws CONFIG_INVALID, SECRET_MISSING or SECRET_INVALID. Calls nobody yet. */
export function openBlobLogin({ container, failuresLogin, entra }: BlobLoginOptions, parts: AccessParts): BlobLogin {
  if (failuresLogin !== undefined) return variableLogin(failuresLogin, container, parts);
  if (entra) return identityLogin(parts);
  throw new RouterError(
    'CONFIG_INVALID',
    "eventgrid: no login for 'failures': give the bus 'failuresLogin', or 'entra' for the host's managed identity",
  );
}
