// Secrets of a function from Secrets Manager: which variables, all at once, what is tried again, what an error says and what it
// must never say.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { envWithSecrets } from '../../../functions/hosts/aws-secrets.ts';
import { RouterError } from '../../../router/errors.ts';
import type { Call, WireFault } from '../../fakes/aws-json.ts';
import { type FakeSecrets, type SecretsSettings, startSecrets } from '../../fakes/secrets-manager.ts';

const canary = 'c4n4ry-9f1';

interface Scene {
  readonly fake: FakeSecrets;
  /** The environment of a function that may ask the fake. */
  variables(more: Readonly<Record<string, string>>): Record<string, string>;
}

async function scene(t: TestContext, settings: SecretsSettings = {}): Promise<Scene> {
  const fake = await startSecrets({ secretAccessKey: canary, sessionToken: `token-${canary}`, ...settings });
  t.after(fake.close);
  const { accessKeyId, secretAccessKey, sessionToken = '' } = fake.keys;
  const login = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
  return { fake, variables: (more) => ({ ...login, AWS_ENDPOINT_URL_SECRETS_MANAGER: fake.endpoint, ...more }) };
}

async function failure(asked: Promise<unknown>): Promise<RouterError> {
  const thrown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof RouterError, inspect(thrown));
  assert.ok(!inspect(thrown, { depth: 10, showHidden: true }).includes(canary), 'a secret in an error');
  return thrown;
}

test('aws secrets: a variable that holds the ARN of a secret reads as the secret, every other as it is', async (t) => {
  const { fake, variables } = await scene(t);
  const github = fake.put('github', { text: `${canary}-old,${canary}-new` });
  const shop = fake.put('shop', { text: 'shop secret' });

  const env = await envWithSecrets(
    variables({ BUSWAY_SECRET_GITHUB: github, BUSWAY_SECRET_SHOP: shop, BUSWAY_SEEN_TABLE: 'seen' }),
  );

  assert.equal(env('BUSWAY_SECRET_GITHUB'), `${canary}-old,${canary}-new`);
  assert.deepEqual(
    [env('BUSWAY_SECRET_SHOP'), env('BUSWAY_SEEN_TABLE'), env('NOWHERE')],
    ['shop secret', 'seen', undefined],
  );
  assert.equal(fake.calls.length, 2);
});

test('aws secrets: without an ARN nobody is asked, not even for credentials', async () => {
  const env = await envWithSecrets({ BUSWAY_SECRET_GITHUB: 'plain', ROLE: 'arn:aws:iam::123456789012:role/x' });

  assert.deepEqual([env('BUSWAY_SECRET_GITHUB'), env('ROLE')], ['plain', 'arn:aws:iam::123456789012:role/x']);
});

test('aws secrets: all are fetched at the same time', async (t) => {
  const names = ['A', 'B', 'C', 'D'].map((name) => `BUSWAY_SECRET_${name}`);
  const all = Promise.withResolvers<void>();
  let asked = 0;
  const { fake, variables } = await scene(t, {
    hold() {
      // One after the other would wait here for ever.
      if (++asked === names.length) all.resolve();
      return all.promise;
    },
  });
  const given = Object.fromEntries(names.map((name) => [name, fake.put(name, { text: name })]));

  const env = await envWithSecrets(variables(given));

  assert.deepEqual(names.map(env), names);
});

test('aws secrets: one that is missing, deleted, empty or no text is SECRET_MISSING and names variable and ARN', async (t) => {
  const { fake, variables } = await scene(t);
  const cases: Readonly<Record<string, string>> = {
    deleted: fake.put('deleted', 'deleted'),
    empty: fake.put('empty', 'empty'),
    blank: fake.put('blank', { text: '' }),
    binary: fake.put('binary', { bytes: Buffer.from(canary) }),
    missing: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:nowhere-AbCdEf',
  };

  for (const [name, arn] of Object.entries(cases)) {
    const before = fake.calls.length;
    const { code, message } = await failure(envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: arn })));

    assert.equal(code, 'SECRET_MISSING', name);
    assert.ok(message.includes('BUSWAY_SECRET_GITHUB') && message.includes(arn), message);
    assert.equal(fake.calls.length, before + 1, `${name} is not asked for again`);
  }
});

test('aws secrets: a right that is missing and keys that are wrong are UNAUTHORIZED, and say what the function needs', async (t) => {
  const { fake, variables } = await scene(t, { denied: ['GetSecretValue'] });
  const arn = fake.put('github', { text: canary });
  const denied = await failure(envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: arn })));
  const wrong = await failure(envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: arn, AWS_SECRET_ACCESS_KEY: 'wrong' })));
  const none = await failure(
    envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: arn, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })),
  );

  assert.deepEqual([denied.code, wrong.code, none.code], ['UNAUTHORIZED', 'UNAUTHORIZED', 'UNAUTHORIZED']);
  assert.match(denied.message, /secretsmanager:GetSecretValue/);
});

test('aws secrets: an ARN of another form is CONFIG_INVALID before anybody is asked', async (t) => {
  const { fake, variables } = await scene(t);
  const arn = fake.put('github', { text: canary });
  for (const given of [`${arn}:key::`, 'arn:aws:secretsmanager:eu-west-1:1:secret:x', 'arn:aws:secretsmanager:']) {
    const { code, message } = await failure(envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: given })));

    assert.equal(code, 'CONFIG_INVALID');
    assert.match(message, /BUSWAY_SECRET_GITHUB/);
  }
  assert.equal(fake.calls.length, 0);
});

const passing: Readonly<Record<string, WireFault>> = {
  throttled: { kind: 'refuse', type: 'ThrottlingException' },
  'broken inside': { kind: 'refuse', type: 'InternalServiceError', status: 500 },
  'a broken connection': { kind: 'reset', taken: false },
  'no JSON': { kind: 'answer', body: '<html>' },
};

for (const [name, fault] of Object.entries(passing)) {
  test(`aws secrets: ${name} is tried again until it passes`, async (t) => {
    const { fake, variables } = await scene(t, { fault: ({ number }: Call) => (number < 3 ? fault : undefined) });
    const env = await envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: fake.put('github', { text: canary }) }));

    assert.equal(env('BUSWAY_SECRET_GITHUB'), canary);
    assert.equal(fake.calls.length, 4);
  });
}

const lasting: readonly (readonly [string, WireFault, string])[] = [
  ['throttled', { kind: 'refuse', type: 'ThrottlingException' }, 'THROTTLED'],
  ['broken inside', { kind: 'refuse', type: 'InternalServiceError', status: 500 }, 'SECRET_MISSING'],
  ['silent', { kind: 'hang' }, 'SECRET_MISSING'],
];

for (const [name, fault, due] of lasting) {
  test(`aws secrets: a Secrets Manager that stays ${name} ends the start in time, with ${due}`, async (t) => {
    const { fake, variables } = await scene(t, { fault: () => fault });
    const arn = fake.put('github', { text: canary });
    const startedAt = performance.now();

    const { code, message } = await failure(
      envWithSecrets(variables({ BUSWAY_SECRET_GITHUB: arn, BUSWAY_SECRET_SHOP: arn }), { deadlineMs: 400 }),
    );

    assert.equal(code, due, message);
    assert.ok(message.includes(arn));
    assert.ok(performance.now() - startedAt < 3_000);
  });
}
