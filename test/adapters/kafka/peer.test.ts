import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { describe, test } from 'node:test';
import { open } from '../../../adapters/kafka/adapter.ts';

const PACKAGE = '@platformatic/kafka';
const parts = { dataDir: '/nowhere', now: Date.now, env: () => undefined, onWarning: () => undefined };
const options = { brokers: ['127.0.0.1:1'] };

// In this process the package cannot be found, as on a machine that does not have it.
const asked: string[] = [];
registerHooks({
  resolve(specifier, context, next) {
    asked.push(specifier);
    if (specifier !== PACKAGE) return next(specifier, context);
    throw Object.assign(new Error(`cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' });
  },
});

describe('kafka without the package of its second client', () => {
  test('kafka: the default client neither needs nor asks for the package', async (t) => {
    const bus = await open(options, parts);
    t.after(() => bus.close());

    await assert.rejects(
      bus.publish([{ attributes: { specversion: '1.0', id: '1', source: '/t', type: 't' } }], within()),
      {
        code: 'BUS_UNAVAILABLE',
      },
    );

    assert.ok(asked.includes('kafkajs'), 'the client was loaded');
    assert.ok(!asked.includes(PACKAGE));
  });

  test('kafka: opening with the second client names the package and the command that installs it', async () => {
    await assert.rejects(open({ ...options, client: 'platformatic' }, parts), {
      code: 'UNSUPPORTED',
      message: /client 'platformatic' needs the package @platformatic\/kafka.*npm install @platformatic\/kafka@2$/,
    });
  });
});

function within(): AbortSignal {
  return AbortSignal.timeout(10_000);
}
