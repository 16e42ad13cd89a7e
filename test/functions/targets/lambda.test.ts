// The fn target by ARN against a strict fake of Invoke that recomputes the SigV4 signature.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { open } from '../../../functions/targets/fn.ts';
import type { Target, Verdict } from '../../../functions/targets/target.ts';
import { jsonData } from '../../../router/event.ts';
import { encodeStructured } from '../../../router/wire/json.ts';
import { targetEvent, targetParts, testTarget } from '../../contract/target.ts';
import { type FakeLambda, type LambdaAnswer, startLambda } from '../../fakes/lambda.ts';
import { closedPort } from './server.ts';

const arn = 'arn:aws:lambda:eu-west-1:123456789012:function:orders:live';
const secretAccessKey = 'c4n4ry/secret+access+key/0123456789abcdef';
const keys = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: secretAccessKey };
const idle = new AbortController().signal;

const start = (answer: (payload: string) => LambdaAnswer): Promise<FakeLambda> =>
  startLambda({ arn, accessKeyId: keys.AWS_ACCESS_KEY_ID, secretAccessKey, answer });

testTarget({
  name: 'lambda',
  env: keys,
  async open(behaviour, parts) {
    const fake = await start(() => {
      if (behaviour === 'hangs') return { hang: true };
      return behaviour === 'takes' ? {} : { functionError: 'Unhandled', body: `{"errorMessage":"${secretAccessKey}"}` };
    });
    const env = (name: string) => (name === 'AWS_ENDPOINT_URL_LAMBDA' ? fake.endpoint : parts.env(name));
    const target = await open({ arn }, { ...parts, env });
    const given = () => fake.payloads.map((payload) => JSON.parse(payload).id as string);
    const close = async () => {
      assert.deepEqual(
        fake.refused.filter((reason) => reason !== 'the payload is not JSON'),
        [],
      );
      await fake.close();
    };
    return { target, given, close };
  },
});

async function scene(
  t: TestContext,
  answer: LambdaAnswer,
  timeoutMs = 5_000,
): Promise<{ fake: FakeLambda; target: Target }> {
  const fake = await start(() => answer);
  const { parts } = targetParts({ variables: { ...keys, AWS_ENDPOINT_URL_LAMBDA: fake.endpoint } });
  const target = await open({ arn, timeoutMs }, parts);
  t.after(async () => {
    await target.close();
    await fake.close();
  });
  return { fake, target };
}

const deliver = (target: Target): Promise<Verdict> =>
  target.deliver({ event: targetEvent('e1'), rule: 'r1', attempt: 1 }, idle);

test('lambda: the payload is the structured event, byte for byte', async (t) => {
  const { fake, target } = await scene(t, {});
  const event = targetEvent('e1', jsonData(Buffer.from('{"n": 1.10, "big": 9007199254740993}')));

  assert.deepEqual(await target.deliver({ event, rule: 'r1', attempt: 1 }, idle), { kind: 'ack' });

  assert.deepEqual(fake.payloads, [encodeStructured(event).toString()]);
  assert.deepEqual(fake.refused, []);
});

test('lambda: each answer has its verdict, after one call', async (t) => {
  const due: readonly (readonly [LambdaAnswer, kind: string, code: string, afterMs?: number])[] = [
    [{ functionError: 'Unhandled', body: '{"errorType":"Error"}' }, 'retry', 'TARGET_FAILED'],
    [{ functionError: 'Handled', body: '{}' }, 'retry', 'TARGET_FAILED'],
    [{ status: 429, errorType: 'TooManyRequestsException', body: '{}' }, 'retry', 'TARGET_STATUS'],
    [{ status: 429, headers: { 'retry-after': '3' }, body: '{}' }, 'retry', 'TARGET_STATUS', 3_000],
    [{ status: 500, errorType: 'ServiceException', body: '{}' }, 'retry', 'TARGET_STATUS'],
    [{ status: 502, body: '<html>' }, 'retry', 'TARGET_STATUS'],
    [{ status: 409, errorType: 'ResourceConflictException', body: '{}' }, 'retry', 'TARGET_STATUS'],
    [{ status: 404, errorType: 'ResourceNotFoundException', body: '{}' }, 'dead', 'TARGET_STATUS'],
    [{ status: 403, errorType: 'AccessDeniedException', body: '{}' }, 'dead', 'TARGET_STATUS'],
    [{ status: 413, errorType: 'RequestTooLargeException', body: '{}' }, 'dead', 'TARGET_STATUS'],
  ];

  for (const [answer, kind, code, afterMs] of due) {
    const { fake, target } = await scene(t, answer);
    const verdict = await deliver(target);

    assert.equal(verdict.kind, kind, JSON.stringify(answer));
    assert.equal((verdict as { code: string }).code, code, JSON.stringify(answer));
    assert.equal((verdict as { afterMs?: number }).afterMs, afterMs);
    assert.equal(fake.payloads.length, 1, 'the SDK does not retry');
  }
});

test('lambda: a hang is TARGET_TIMEOUT and a closed port TARGET_UNREACHABLE', async (t) => {
  const { target } = await scene(t, { hang: true }, 100);
  const endpoint = `http://127.0.0.1:${await closedPort()}`;
  const { parts } = targetParts({ variables: { ...keys, AWS_ENDPOINT_URL_LAMBDA: endpoint } });
  const closed = await open({ arn }, parts);
  t.after(() => closed.close());

  const late = await deliver(target);
  const refused = await deliver(closed);

  assert.deepEqual(late, { kind: 'retry', code: 'TARGET_TIMEOUT', reason: `fn ${arn}: not done within 100 ms` });
  assert.equal(refused.kind, 'retry');
  assert.equal((refused as { code: string }).code, 'TARGET_UNREACHABLE');
});

test('lambda: what is not the ARN of a function is refused', async () => {
  for (const wrong of [
    'orders',
    'arn:aws:sqs:eu-west-1:123456789012:orders',
    `${arn}:x:y`,
    'arn:aws:lambda:eu-west-1:1:function:x',
  ]) {
    await assert.rejects(open({ arn: wrong }, targetParts().parts), { code: 'CONFIG_INVALID' });
  }
});
