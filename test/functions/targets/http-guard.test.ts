// The address guard of the targets' client over real connections: what a url says, what a name resolves to, and where
// a connection really went.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ClientExtras, guardPeer, type Resolved } from '../../../functions/targets/client.ts';
import { open } from '../../../functions/targets/http.ts';
import type { Target, TargetParts, Verdict } from '../../../functions/targets/target.ts';
import { targetEvent, targetParts } from '../../contract/target.ts';
import { startHttp, startTcp } from './server.ts';

const idle = new AbortController().signal;
const loopback = { address: '127.0.0.1', family: 4 };

function deliver(target: Target): Promise<Verdict> {
  return target.deliver({ event: targetEvent('e1'), rule: 'r1', attempt: 1 }, idle);
}

interface Asked {
  readonly options: Readonly<Record<string, unknown>>;
  readonly parts?: Partial<TargetParts>;
  readonly extras?: ClientExtras;
}

async function openTarget(t: TestContext, { options, parts = {}, extras = {} }: Asked): Promise<Target> {
  const target = await open({ timeoutMs: 10_000, ...options }, targetParts(parts).parts, extras);
  t.after(() => target.close());
  return target;
}

function isForbidden(verdict: Verdict, says: RegExp): void {
  assert.equal(verdict.kind, 'dead');
  assert.equal((verdict as { code: string }).code, 'TARGET_ADDRESS_FORBIDDEN');
  assert.match((verdict as { reason: string }).reason, says);
}

async function startPeer(t: TestContext) {
  const peer = await startHttp((_request, response) => response.end());
  t.after(() => peer.close());
  return peer;
}

test('guard: an address in the url that is not allowed is refused at open, in every spelling', async () => {
  const loopbacks = ['127.0.0.1', '0x7f.1', '2130706433', '017700000001', '127.1', '[::1]', '[::ffff:127.0.0.1]'];
  const privates = ['10.0.0.1', '0xa000001', '192.168.1.1', '0', '[fd12::1]', '[::127.0.0.1]', '[::ffff:0:127.0.0.1]'];
  const nevers = ['169.254.169.254', '0xa9fea9fe', '2852039166', '[fe80::1]', '[fd00:ec2::254]', '100.100.100.200'];
  const { parts: local } = targetParts({ local: true });
  const { parts: deployed } = targetParts({ local: false });
  const code = { code: 'TARGET_ADDRESS_FORBIDDEN' };
  const wide = ['0.0.0.0/0', '::/0'];

  for (const host of [...loopbacks, ...privates, ...nevers]) {
    await assert.rejects(open({ url: `http://${host}/` }, deployed), code, host);
  }
  for (const host of [...privates, ...nevers]) {
    await assert.rejects(open({ url: `http://${host}/` }, local), code, host);
  }
  for (const host of nevers) await assert.rejects(open({ url: `http://${host}/`, allow: wide }, local), code, host);
  for (const host of loopbacks) await (await open({ url: `http://${host}/` }, local)).close();
  for (const host of [...loopbacks, ...privates])
    await (await open({ url: `http://${host}/`, allow: wide }, deployed)).close();
});

test('guard: the refusal at open names the rule, the address and the way out', async () => {
  await assert.rejects(open({ url: 'http://10.0.0.5/?t0ps3cret' }, targetParts().parts), {
    code: 'TARGET_ADDRESS_FORBIDDEN',
    message: "rule 'r1': 10.0.0.5 is private; if it is meant, list its range in 'allow', such as '10.0.0.5/32'",
  });
});

test('guard: localhost is reached under dev, and not without it unless allowed', async (t) => {
  const peer = await startPeer(t);
  const options = { url: `http://localhost:${peer.port}` };
  const extras = { lookup: async () => [loopback] };
  const local = await openTarget(t, { options, extras });
  const system = await openTarget(t, { options });
  const deployed = await openTarget(t, { options, parts: { local: false }, extras });
  const allowed = await openTarget(t, {
    options: { ...options, allow: ['127.0.0.0/8'] },
    parts: { local: false },
    extras,
  });

  assert.deepEqual(await deliver(local), { kind: 'ack' });
  assert.deepEqual(await deliver(system), { kind: 'ack' }, 'by the resolver of the system');
  isForbidden(await deliver(deployed), /localhost resolves to 127\.0\.0\.1, which is loopback/);
  assert.deepEqual(await deliver(allowed), { kind: 'ack' });
  assert.equal(peer.received.length, 3);
});

test('guard: only the literal localhost is loopback; names that resolve to it are refused even under dev', async (t) => {
  const peer = await startPeer(t);
  const extras = { lookup: async () => [loopback] };

  for (const host of ['app.example', 'localhost.', 'app.localhost', 'localhost.example']) {
    const target = await openTarget(t, { options: { url: `http://${host}:${peer.port}` }, extras });
    isForbidden(await deliver(target), /resolves to 127\.0\.0\.1, which is loopback/);
  }

  assert.equal(peer.connections(), 0);
});

test('guard: localhost that resolves elsewhere is judged like any name', async (t) => {
  const target = await openTarget(t, {
    options: { url: 'http://localhost:1' },
    extras: { lookup: async () => [{ address: '10.0.0.1', family: 4 }] },
  });

  isForbidden(await deliver(target), /resolves to 10\.0\.0\.1, which is private/);
});

test('guard: one bad address among good ones refuses the name, wherever it stands', async (t) => {
  const peer = await startPeer(t);
  const bad: Resolved = [
    { address: '10.0.0.1', family: 4 },
    { address: '169.254.169.254', family: 4 },
    { address: '::ffff:169.254.169.254', family: 6 },
    { address: '64:ff9b::a9fe:a9fe', family: 6 },
    { address: 'fe80::1%lo', family: 6 },
    { address: 'not an address', family: 4 },
  ];

  for (const one of bad) {
    for (const addresses of [
      [one, loopback],
      [loopback, one],
    ]) {
      const options = { url: `http://app.example:${peer.port}`, allow: ['127.0.0.0/8'] };
      const target = await openTarget(t, { options, extras: { lookup: async () => addresses } });
      isForbidden(await deliver(target), /app\.example resolves to /);
    }
  }

  assert.equal(peer.connections(), 0);
});

test('guard: a connection goes to the address that was judged, however the name resolves a moment later', async (t) => {
  const peer = await startPeer(t);
  let asked = 0;
  const lookup = async (): Promise<Resolved> => {
    asked++;
    return asked === 1 ? [loopback] : [{ address: '169.254.169.254', family: 4 }];
  };
  const options = { url: `http://app.example:${peer.port}`, allow: ['127.0.0.0/8'] };
  const target = await openTarget(t, { options, extras: { lookup } });

  assert.deepEqual(await deliver(target), { kind: 'ack' });
  assert.equal(asked, 1, 'a name is resolved once per connection');
  assert.deepEqual(await deliver(target), { kind: 'ack' }, 'the kept connection is not resolved again');
  await Promise.resolve();
  const both = await Promise.all([deliver(target), deliver(target)]);

  isForbidden(both.find((verdict) => verdict.kind !== 'ack')!, /resolves to 169\.254\.169\.254, which is link-local/);
  assert.equal(peer.received.length, 3);
});

test('guard: a connection that went to a forbidden peer is destroyed before a byte is written', async (t) => {
  const peer = await startTcp(() => {});
  t.after(() => peer.close());
  const policy = { loopback: false, allow: [] };

  const error = await new Promise<Error & { code?: string }>((resolve) => {
    const socket: Socket = guardPeer(connect(peer.port, '127.0.0.1'), policy);
    socket.on('connect', () => socket.write('late'));
    socket.on('error', resolve);
    socket.write('early');
  });

  assert.equal(error.code, 'TARGET_ADDRESS_FORBIDDEN');
  assert.match(error.message, /the connection went to 127\.0\.0\.1, which is loopback/);
  while (!peer.sockets[0]?.destroyed) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(peer.bytes(), 0);
});
