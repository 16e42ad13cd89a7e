// What P9 compares is one thing done twice: every contestant puts the same events on the stub, in the calls it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cloud, startCloudStub } from './cloud-stub.ts';
import { SAMPLES, type Seen, sameEvents } from './intake.ts';
import { pushBodies } from './payload.ts';
import { type CloudPublisherOptions, openCloudPublisher } from './servers/cloud-contestants.ts';

const CALLS = 4;
const PER_CALL = 10;
const body = pushBodies()[0]!;

async function sampleOf(
  { cloud, by }: Pick<CloudPublisherOptions, 'cloud' | 'by'>,
  kind: Cloud,
): Promise<readonly Seen[]> {
  const stub = await startCloudStub(kind, PER_CALL);
  const { call, close } = await openCloudPublisher({
    cloud,
    by,
    port: stub.port,
    perCall: PER_CALL,
    body: body.toString('base64'),
  });
  try {
    for (let i = 0; i < CALLS; i++) await call();
    assert.equal(stub.calls(), CALLS);
    return stub.sample();
  } finally {
    await close();
    await stub.close();
  }
}

const pairs = [
  ['eventbridge', 'sdk', 'eventbridge'],
  ['pubsub', 'sdk', 'pubsub-grpc'],
  ['pubsub', 'rest', 'pubsub'],
  ['eventgrid', 'sdk', 'eventgrid'],
] as const;

for (const [cloud, by, kind] of pairs) {
  test(`cloud stub: the adapter and the ${by} of ${cloud} send the same events in as many calls`, async () => {
    const ours = await sampleOf({ cloud, by: 'adapter' }, cloud);
    const theirs = await sampleOf({ cloud, by }, kind);

    sameEvents(ours, theirs);
    assert.equal(new Set(ours.map(({ id }) => id)).size, SAMPLES);
    assert.ok(ours.every(({ data }) => data.equals(body)));
  });
}
