// The few calls of Blob Storage that the failure log needs, on one container, by fetch. Never makes or deletes a container,
// never follows a redirect (a signature stands in the url), and shows no url that is signed. Reads and writes are safe to
// repeat, so what may pass is tried again a few times here.
// Source: Azure Storage REST API, "Put Blob", "Get Blob", "Delete Blob", "List Blobs", "Blob service error codes".

import { RouterError } from '../../router/errors.ts';
import { pause } from '../pause.ts';
import { readUpTo } from '../read-up-to.ts';
import type { BlobLogin, BlobRequest, Signed } from './blob-login.ts';
import { type Answer, mapAnswer, mapNetworkError, reasonOf, serviceCode } from './map-error.ts';

export interface ListedBlob {
  readonly name: string;
  /** What put() was given, else when the blob was written last; RFC 3339. */
  readonly at: string;
}

export type FoundBlob =
  | { readonly ok: true; readonly body: Buffer; readonly etag: string; readonly at: string }
  /** It is there and cannot be read: archived, or over MAX_BYTES. */
  | { readonly ok: false; readonly reason: string };

export interface PutOptions {
  /** Kept beside the blob, so that a listing tells it: RFC 3339. */
  readonly at?: string;
  /** Only over this version of the blob. */
  readonly etag?: string;
}

export interface Blobs {
  /** Whether the container is there and may be listed. */
  check(signal: AbortSignal): Promise<void>;
  /** All blobs by name, a page at a time. */
  list(signal: AbortSignal): AsyncIterable<readonly ListedBlob[]>;
  /** Undefined where there is none. */
  get(name: string, signal: AbortSignal): Promise<FoundBlob | undefined>;
  /** Durable when it resolves. False when the blob is no longer the version that `etag` names. */
  put(name: string, body: Buffer, options: PutOptions, signal: AbortSignal): Promise<boolean>;
  /** True also when there was none; false when it is no longer the version that `etag` names. */
  remove(name: string, signal: AbortSignal, etag?: string): Promise<boolean>;
}

export interface BlobParts {
  readonly container: URL;
  readonly login: BlobLogin;
  readonly now: () => number;
  /** Blobs in a page; 5,000 is the most there is. */
  readonly pageSize?: number;
}

// Older than the newest: every region has it, and so has the emulator (Azurite 3.35.0) without a switch.
const VERSION = '2025-11-05';
const CALL_MS = 30_000;
// Far over any record; whatever is larger was put there by somebody else.
const MAX_BYTES = 64 * 1024 * 1024;
const TRIES = 3;
const AGAIN_MS = 200;
// Who is asked to wait longer is told so.
const MAX_AGAIN_MS = 2_000;
const AT = 'buswayat';

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** The text of the first element of this name; undefined where there is none. */
function element(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  if (start === -1 || end === -1) return undefined;
  return xml.slice(start + name.length + 2, end).replace(/&(lt|gt|quot|apos|amp);/g, (_, entity) => entities[entity]!);
}

/** The first of these that is a time. */
function timeOf(...texts: readonly (string | undefined)[]): string {
  const at = texts.map((text) => Date.parse(text ?? '')).find((ms) => !Number.isNaN(ms));
  return new Date(at ?? 0).toISOString();
}

/** A blob whose name the service had to encode is none of ours. */
function readListed(xml: string): readonly ListedBlob[] {
  const items = xml.split('<Blob>').slice(1);
  return items.flatMap((item) => {
    const name = element(item, 'Name');
    return name === undefined ? [] : [{ name, at: timeOf(element(item, AT), element(item, 'Last-Modified')) }];
  });
}

/** How to make a container, with the account where its address tells it. */
function howToMake(container: URL): string {
  const path = container.pathname.split('/').slice(1);
  const account = /^([a-z0-9]{3,24})\.blob\./.exec(container.hostname)?.[1] ?? (path.length > 1 ? path[0] : undefined);
  return `az storage container create --account-name ${account ?? 'NAME'} --name ${path.at(-1)} --auth-mode login`;
}

function isTooLarge(header: Answer['header']): boolean {
  return Number(header('content-length') ?? 0) > MAX_BYTES;
}

type Call = Omit<BlobRequest, 'bytes'> & { readonly body?: Buffer };

interface BlobAnswer extends Answer {
  /** The body is over MAX_BYTES, and was not read. */
  readonly isCut: boolean;
}

export function openBlobs({ container, login, now, pageSize = 5_000 }: BlobParts): Blobs {
  const what = `the container '${container.pathname.split('/').at(-1)}' at ${container.host}`;

  function urlOf(name: string): URL {
    return new URL(`${container.pathname}/${name.split('/').map(encodeURIComponent).join('/')}`, container);
  }

  async function send({ method, body }: Call, { url, headers }: Signed, signal: AbortSignal): Promise<BlobAnswer> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    try {
      const given = body === undefined ? {} : { body };
      const response = await fetch(url, { method, headers, ...given, redirect: 'error', signal: limit });
      const header = (name: string): string | undefined => response.headers.get(name) ?? undefined;
      const read = isTooLarge(header) ? undefined : await readUpTo(response, MAX_BYTES);
      if (read === undefined) await response.body?.cancel();
      return { status: response.status, header, body: read ?? Buffer.alloc(0), isCut: read === undefined };
    } catch (thrown) {
      throw signal.aborted ? reasonOf(signal, `asking ${what}`) : mapNetworkError(thrown, what);
    }
  }

  function refusal(answer: Answer): RouterError {
    const { status } = answer;
    const detail = [`status ${status}`, serviceCode(answer)].filter(Boolean).join(', ');
    if (status === 404) {
      const fix = howToMake(container);
      return new RouterError('NOT_FOUND', `eventgrid: ${what} does not exist (${detail}); make it: ${fix}`, { status });
    }
    const isKnown = [401, 403, 408, 413, 429].includes(status) || status >= 500;
    if (isKnown) return mapAnswer(answer, what, now());
    // In conflict with what others do to the container or the blob.
    const code = status === 409 || status === 412 ? 'BUS_UNAVAILABLE' : 'NOT_FOUND';
    const says = code === 'NOT_FOUND' ? `is no container of Blob Storage, version ${VERSION}` : 'is in use otherwise';
    return new RouterError(code, `eventgrid: ${what} ${says} (${detail})`, { status });
  }

  /** How long to wait for another try; undefined when there is none. */
  function againIn(error: RouterError, attempt: number, isRenewed: boolean): number | undefined {
    if (attempt === TRIES) return undefined;
    if (isRenewed) return 0;
    const hint = error.facts['retryAfterMs'];
    const waitMs = typeof hint === 'number' ? hint : AGAIN_MS * 2 ** attempt;
    return error.retryable && error.code !== 'ABORTED' && waitMs <= MAX_AGAIN_MS ? waitMs : undefined;
  }

  /** The answer, when its status is one of `expected`. Throws RouterError for any other. */
  async function ask(call: Call, expected: readonly number[], signal: AbortSignal): Promise<BlobAnswer> {
    const request = { ...call, headers: { 'x-ms-version': VERSION, ...call.headers }, bytes: call.body?.length ?? 0 };
    for (let attempt = 1; ; attempt++) {
      if (signal.aborted) throw reasonOf(signal, `asking ${what}`);
      const signed = await login.sign(request, signal);
      let error: RouterError;
      let isRenewed = false;
      try {
        const answer = await send(call, signed, signal);
        const isGone = answer.status === 404 && serviceCode(answer) !== 'BlobNotFound';
        if (expected.includes(answer.status) && !isGone) return answer;
        error = refusal(answer);
        isRenewed = answer.status === 401 && signed.refused?.() === true;
      } catch (thrown) {
        error = thrown as RouterError;
      }
      const waitMs = againIn(error, attempt, isRenewed);
      if (waitMs === undefined) throw error;
      await pause(waitMs, signal);
    }
  }

  async function page(marker: string, size: number, signal: AbortSignal): Promise<string> {
    const url = new URL(container);
    const from = marker === '' ? '' : `&marker=${encodeURIComponent(marker)}`;
    url.search = `restype=container&comp=list&include=metadata&maxresults=${size}${from}`;
    const xml = (await ask({ method: 'GET', url, headers: {} }, [200], signal)).body.toString('utf8');
    if (xml.includes('<EnumerationResults')) return xml;
    // Such as a proxy's page: "there are none" must not be read out of it.
    throw new RouterError('BUS_UNAVAILABLE', `eventgrid: ${what} answered to a listing with something else`);
  }

  return {
    async check(signal) {
      // The container's own properties are closed to a signature that is for its blobs only.
      await page('', 1, signal);
    },
    async *list(signal) {
      for (let marker: string | undefined = ''; marker !== undefined; ) {
        const xml = await page(marker, pageSize, signal);
        yield readListed(xml);
        const next = element(xml, 'NextMarker') || undefined;
        if (next === marker)
          throw new RouterError('BUS_UNAVAILABLE', `eventgrid: ${what} lists a page again and again`);
        marker = next;
      }
    },
    async get(name, signal) {
      const answer = await ask({ method: 'GET', url: urlOf(name), headers: {} }, [200, 404, 409], signal);
      if (answer.status === 404) return undefined;
      if (answer.isCut) return { ok: false, reason: `it is over ${MAX_BYTES} bytes` };
      if (answer.status === 200) {
        const { body, header } = answer;
        return {
          ok: true,
          body,
          etag: header('etag') ?? '',
          at: timeOf(header(`x-ms-meta-${AT}`), header('last-modified')),
        };
      }
      // Such as BlobArchived; other conflicts are the container's.
      const code = serviceCode(answer) ?? '';
      if (!code.startsWith('Blob')) throw refusal(answer);
      return { ok: false, reason: `it cannot be read now (status 409, ${code})` };
    },
    async put(name, body, { at, etag }, signal) {
      const headers = {
        'x-ms-blob-type': 'BlockBlob',
        'content-type': 'application/json',
        ...(at === undefined ? {} : { [`x-ms-meta-${AT}`]: at }),
        ...(etag === undefined ? {} : { 'if-match': etag }),
      };
      const expected = etag === undefined ? [201] : [201, 404, 412];
      return (await ask({ method: 'PUT', url: urlOf(name), headers, body }, expected, signal)).status === 201;
    },
    async remove(name, signal, etag) {
      const headers: Readonly<Record<string, string>> = etag === undefined ? {} : { 'if-match': etag };
      const expected = etag === undefined ? [202, 404] : [202, 404, 412];
      return (await ask({ method: 'DELETE', url: urlOf(name), headers }, expected, signal)).status !== 412;
    },
  };
}
