// From Lambda's batch to the failure log and back: the deliver function composes itself on EventBridge, a target that refuses
// ends in a record in the rule's dead-letter queue, and a redrive clears it. Real target, real SDK, fakes of the services.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { buses } from '../../../adapters/registry.ts';
import { awsDeliver } from '../../../functions/hosts/aws-deliver.ts';
import { composeDeliver } from '../../../functions/hosts/compose.ts';
import { openRules } from '../../../functions/open-rules.ts';
import { redrive } from '../../../functions/redrive.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { targets } from '../../../functions/targets/registry.ts';
import { checkDocument } from '../../../router/document.ts';
import { failureId } from '../../../router/failure.ts';
import { idle, made } from '../../contract/adapter-harness.ts';
import { BUS, envelopeOf, openScene, partsFor, startQueues } from './scene.ts';

async function startTarget(
  t: TestContext,
): Promise<{ readonly url: string; answers(status: number): void; got: string[] }> {
  let status = 200;
  const got: string[] = [];
  const server = createServer((request, response) => {
    request.toArray().then((chunks) => {
      got.push(Buffer.concat(chunks).toString());
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const answers = (next: number): void => {
    status = next;
  };
  return { url, answers, got };
}

test('eventbridge: a delivery that fails for good is acknowledged with its record in the dead-letter queue, and redriven', async (t) => {
  const { sqs, own, any, env: queues } = await startQueues();
  const { fake, close } = await openScene();
  t.after(() => Promise.all([close(), sqs.close()]));
  const target = await startTarget(t);
  const document = {
    bus: { use: 'eventbridge', bus: BUS },
    sources: {},
    rules: [
      { name: 'r', when: { type: ['contract.made'] }, to: { http: { url: target.url, allow: ['127.0.0.0/8'] } } },
    ],
  };
  const dir = await mkdtemp(join(tmpdir(), 'busway-deliver-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'rules.json'), JSON.stringify(document));
  const told = partsFor(fake, [], { env: { ...queues, BUSWAY_RULES: join(dir, 'rules.json') } });
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const { consumer, adapter, close: stop } = await composeDeliver(told.env, { buses, sources, targets, print });
  t.after(stop);
  const deliver = awsDeliver({ consumer, ruleOfQueue: () => 'r' });
  const record = (messageId: string, body: string, count: number) => ({
    messageId,
    body,
    attributes: { ApproximateReceiveCount: `${count}` },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:r-events',
  });
  const event = made('dead');

  target.answers(404);
  const answer = await deliver({ Records: [record('m1', envelopeOf(event), 2), record('m2', 'no event', 1)] });

  assert.deepEqual(answer, { batchItemFailures: [] });
  assert.equal(target.got.length, 1);
  assert.deepEqual([sqs.messages(own).length, sqs.messages(any).length], [1, 1]);
  const [failed] = (await Array.fromAsync(adapter.failures!.list(idle))).filter(({ rule }) => rule === 'r');
  assert.deepEqual([failed?.id, failed?.code, failed?.attempts], [failureId('r', event), 'TARGET_STATUS', 2]);

  target.answers(200);
  const checked = checkDocument(document, { buses, sources, targets });
  const shared = { baseDir: dir, local: false, env: told.env, now: Date.now, onWarning: () => undefined, print };
  const rules = await openRules(checked, targets, shared);
  t.after(() => rules.close());
  const parts = { rules: rules.rules, failures: adapter.failures!, now: Date.now };
  const [done] = await Array.fromAsync(redrive(parts, { rule: 'r' }, idle));

  assert.equal(done?.ok, true, done?.reason);
  assert.equal(target.got.length, 2);
  assert.deepEqual([sqs.messages(own).length, sqs.messages(any).length], [0, 1]);
});
