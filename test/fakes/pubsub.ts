// A Pub/Sub service of our own on 127.0.0.1, for tests: gRPC and REST on one port, as strict as the real one, with faults by
// a script or by a seed. The real SDK speaks to it. Written from the protos and the documentation, not from the adapter.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { seededRandom } from '../harness/random.ts';
import { type Broker, createBroker } from './pubsub-broker.ts';
import { createFaults, type Faults } from './pubsub-faults.ts';
import { startGrpc } from './pubsub-grpc.ts';
import { createSigner, keyFile, keySet, readToken, type Signer } from './pubsub-oidc.ts';
import { startPush } from './pubsub-push.ts';
import { type Login, startRest } from './pubsub-rest.ts';

export interface PubSubFakeOptions {
  /** A second of the service, in milliseconds of ours. */
  readonly secondMs?: number;
  readonly seed?: number;
  /** REST asks for a token of the metadata server or of the service account. */
  readonly login?: boolean;
  /** What the metadata server gives out. */
  readonly accessToken?: string;
  readonly expiresIn?: number;
  readonly permissions?: readonly string[];
}

export interface PubSubFake {
  /** host:port, for PUBSUB_EMULATOR_HOST, GCE_METADATA_HOST and, with http://, for endpoint. */
  readonly address: string;
  readonly broker: Broker;
  readonly faults: Faults;
  /** Signs push tokens. */
  readonly issuer: Signer;
  /** The text of a key file whose tokens are taken. */
  readonly credentials: string;
  readonly keysUrl: string;
  /** Tokens given out so far are refused from now on. */
  revoke(accessToken: string): void;
  close(): Promise<void>;
}

const EMAIL = 'publisher@test-project.iam.gserviceaccount.com';
const AUDIENCE = 'https://pubsub.googleapis.com/';
const PUBLISHER = ['pubsub.topics.publish', 'pubsub.topics.get'];

interface Account {
  readonly signer: Signer;
  accessToken: string;
}

/** A token of the account's own: signed, for this service, not expired, for an hour at most. */
function isOwnToken(token: string, { signer }: Account): boolean {
  const claims = readToken(token, signer);
  if (claims === undefined) return false;
  const { iss, sub, aud, iat, exp } = claims as Record<string, unknown>;
  const seconds = Date.now() / 1_000;
  if (iss !== EMAIL || sub !== EMAIL || aud !== AUDIENCE) return false;
  if (typeof iat !== 'number' || typeof exp !== 'number' || exp - iat > 3_600) return false;
  return iat <= seconds + 60 && exp > seconds;
}

function loginOf(options: PubSubFakeOptions, account: Account): Login | undefined {
  if (options.login !== true) return undefined;
  return {
    refuses(token) {
      if (token === undefined) return 'Request is missing required authentication credential.';
      if (token === account.accessToken || isOwnToken(token, account)) return undefined;
      // A careless service quotes what it refuses; nobody may repeat that.
      return `Request had invalid authentication credentials: ${token}`;
    },
    metadataToken: () => ({
      access_token: account.accessToken,
      expires_in: options.expiresIn ?? 3_599,
      token_type: 'Bearer',
    }),
    permissions: new Set(options.permissions ?? PUBLISHER),
  };
}

const HTTP2 = 'PRI ';

/** One port for both: HTTP/2 begins with a line of its own. */
function hand(socket: Socket, ports: { readonly grpc: number; readonly rest: number }): void {
  socket.on('error', () => socket.destroy());
  socket.once('data', (first) => {
    const port = first.subarray(0, HTTP2.length).toString('latin1') === HTTP2 ? ports.grpc : ports.rest;
    const inner = connect({ port, host: '127.0.0.1', noDelay: true });
    inner.on('error', () => socket.destroy());
    inner.on('close', () => socket.destroy());
    socket.on('close', () => inner.destroy());
    inner.write(first);
    socket.pipe(inner);
    inner.pipe(socket);
  });
}

export async function startPubSubFake(options: PubSubFakeOptions = {}): Promise<PubSubFake> {
  const random = seededRandom(options.seed ?? 1);
  const broker = createBroker({ now: Date.now, random, secondMs: options.secondMs ?? 1_000 });
  const faults = createFaults();
  const [issuer, signer] = [createSigner('issuer-1'), createSigner('account-1')];
  const account: Account = { signer, accessToken: options.accessToken ?? 'ya29.test-token' };
  const grpc = await startGrpc(broker, faults);
  const rest = await startRest({ broker, faults, login: loginOf(options, account), keys: () => keySet([issuer]) });
  const push = startPush({ broker, issuer, now: Date.now });
  const sockets = new Set<Socket>();
  // Without delay: small frames would wait 40 ms for each other.
  const front: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    hand(socket, { grpc: grpc.port, rest: rest.port });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(front.address() as AddressInfo).port}`;
  return {
    address,
    broker,
    faults,
    issuer,
    credentials: keyFile(signer, EMAIL),
    keysUrl: `http://${address}/oauth2/v3/certs`,
    revoke(accessToken) {
      account.accessToken = accessToken;
    },
    async close() {
      broker.close();
      await push.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => front.close(resolve));
      grpc.close();
      await rest.close();
    },
  };
}
