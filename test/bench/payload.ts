// The webhook that all benches send: GitHub's `push` example nearest 7 KB, as a set of bodies of one length that differ in
// content, each really signed. A delivery's id stands in a header outside the signature, as GitHub has it, so a request
// is prebuilt but for those 36 characters.
// Source: @octokit/webhooks-examples 7.6.1 (MIT).

import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';

export const secret = 'bench-webhook-secret';
export const signingSecret = `whsec_${Buffer.from('bench-signing-secret-of-32-bytes').toString('base64')}`;
/** Values of the payload's `ref`, one per target; all of one length. */
export const refs = ['refs/heads/service-a', 'refs/heads/service-b', 'refs/heads/service-c', 'refs/heads/service-d'];

const BODIES = 16;
const WANTED_BYTES = 6_900;

interface Push {
  readonly [member: string]: unknown;
}

function example(): Push {
  const groups = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly {
    readonly name: string;
    readonly examples: readonly Push[];
  }[];
  const pushes = groups.find(({ name }) => name === 'push')?.examples ?? [];
  const off = (push: Push) => Math.abs(JSON.stringify(push).length - WANTED_BYTES);
  const nearest = [...pushes].sort((a, b) => off(a) - off(b))[0];
  if (nearest === undefined) throw new Error('@octokit/webhooks-examples has no push');
  return nearest;
}

/** Bodies of one length; number i goes to target i % 4. */
export function pushBodies(): readonly Buffer[] {
  const push = example();
  return Array.from({ length: BODIES }, (_, i) => {
    const after = (i + 1).toString(16).padStart(40, 'c0ffee');
    return Buffer.from(JSON.stringify({ ...push, ref: refs[i % refs.length], after }));
  });
}

/** A kilobyte of JSON that is little work for anybody. */
export function smallBody(): Buffer {
  return Buffer.from(JSON.stringify({ note: 'x'.repeat(1_000) }));
}

/** A longer body of the same kind, to see that cost grows with size. */
export function longBody(times: number): Buffer {
  const push = example();
  return Buffer.from(JSON.stringify({ ...push, commits: Array.from({ length: times }, () => push) }));
}

export function signatureOf(body: Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Headers as GitHub sends them, but for the delivery's id. */
export function headersOf(body: Buffer): Readonly<Record<string, string>> {
  return {
    'user-agent': 'GitHub-Hookshot/044aadd',
    accept: '*/*',
    'content-type': 'application/json',
    'content-length': String(body.length),
    'x-github-event': 'push',
    'x-github-hook-id': '292430182',
    'x-github-hook-installation-target-id': '79929171',
    'x-github-hook-installation-target-type': 'repository',
    'x-hub-signature-256': signatureOf(body),
  };
}

export const ID_LENGTH = 36;
const SLOT = '#'.repeat(ID_LENGTH);

/** A request as bytes, with the offset at which its id is written. */
export interface Prebuilt {
  readonly bytes: Buffer;
  readonly idAt: number;
}

/** `path` with its query. */
export function prebuild(path: string, host: string, body: Buffer): Prebuilt {
  const lines = Object.entries({ host, ...headersOf(body), 'x-github-delivery': SLOT });
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), body]), idAt: head.indexOf(SLOT) };
}

/** `run` names who sends, up to 20 of [a-z0-9-]; unique as long as `run` and `n` are. */
export function deliveryId(run: string, n: number): string {
  return `${run}-${n.toString().padStart(ID_LENGTH - run.length - 1, '0')}`;
}
