// Azurite, Microsoft's emulator of Blob Storage, run for a test file on 127.0.0.1 and a free port, with an account and a key
// of the tests. It checks every signature by itself. In memory; never another address, and no telemetry.
// Source: azurite 3.35.0 (npm, a devDependency).

import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BlobLogin, openBlobLogin } from '../../../adapters/eventgrid/blob-login.ts';
import { type Blobs, openBlobs } from '../../../adapters/eventgrid/blobs.ts';
import { childEnv } from '../../harness/env.ts';

export const account = 'buswaytests';
export const accountKey = Buffer.from('blob-canary-5e0d of the tests').toString('base64');
/** The variable of the tests that holds a connection string. */
export const LOGIN = 'BUSWAY_TEST_BLOBS';

const VERSION = '2025-11-05';
const READY_MS = 30_000;
const PROGRAM = fileURLToPath(new URL('../../../node_modules/azurite/dist/src/blob/main.js', import.meta.url));

export interface Container {
  readonly url: URL;
  readonly login: BlobLogin;
  readonly env: (name: string) => string | undefined;
  /** Its blobs by a client of its own; `pageSize` blobs in a page of a listing. */
  blobs(pageSize?: number): Blobs;
}

export interface Azurite {
  /** A new, empty container. */
  container(): Promise<Container>;
  /** The address of a container that is not there. */
  missing(): Container;
  /** An account SAS for blobs, without its question mark. */
  sas(permissions: string, endsAt: number): string;
  stop(): Promise<void>;
}

async function addressOf(child: ChildProcess): Promise<string> {
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  try {
    for await (const line of createInterface({ input: child.stdout! })) {
      const found = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (found !== undefined) return found;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`Azurite did not become ready in ${READY_MS} ms`);
}

/** "Create an account SAS", for versions since 2020-12-06: permissions, blobs, containers and objects. */
function signAccount(permissions: string, endsAt: number): string {
  const end = new Date(endsAt).toISOString().replace(/\.\d+/, '');
  const text = [account, permissions, 'b', 'co', '', end, '', 'https,http', VERSION, '', ''].join('\n');
  const signature = createHmac('sha256', Buffer.from(accountKey, 'base64')).update(text).digest('base64');
  const fields = { sv: VERSION, ss: 'b', srt: 'co', sp: permissions, se: end, spr: 'https,http', sig: signature };
  return new URLSearchParams(fields).toString();
}

export async function startAzurite(): Promise<Azurite> {
  const args = [
    '--inMemoryPersistence',
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    '0',
    '--disableTelemetry',
    '--silent',
  ];
  const env = childEnv({ AZURITE_ACCOUNTS: `${account}:${accountKey}` });
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const address = await addressOf(child);
  // What it says from now on is of no interest, and must not fill the pipe.
  child.stdout!.resume();
  const endpoint = `${address}/${account}`;
  const connection = `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${endpoint};`;
  const variables = (name: string): string | undefined => (name === LOGIN ? connection : undefined);
  const parts = { env: variables, now: Date.now };
  let count = 0;

  function containerAt(url: URL): Container {
    const login = openBlobLogin({ container: url, failuresLogin: LOGIN, entra: false }, parts);
    const blobs = (pageSize = 5_000): Blobs => openBlobs({ container: url, login, now: Date.now, pageSize });
    return { url, login, env: variables, blobs };
  }

  return {
    async container() {
      const made = containerAt(new URL(`${endpoint}/failures-${++count}`));
      const request = { method: 'PUT', headers: { 'x-ms-version': VERSION }, bytes: 0 } as const;
      const create = { ...request, url: new URL(`${made.url}?restype=container`) };
      const { url, headers } = await made.login.sign(create, AbortSignal.timeout(5_000));
      const answer = await fetch(url, { method: 'PUT', headers });
      if (answer.status !== 201) throw new Error(`Azurite makes no container: ${answer.status} ${await answer.text()}`);
      return made;
    },
    missing: () => containerAt(new URL(`${endpoint}/not-there`)),
    sas: signAccount,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
