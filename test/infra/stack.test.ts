// The stack of `busway deploy`: what a person is told of it, and where rules stand when they are many.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { App } from 'aws-cdk-lib';
import { busNameFor, readAppSettings } from '../../infra/app-settings.ts';
import type { RouterInput } from '../../infra/define.ts';
import { cdkFlags, RouterStack, type RouterStackProps } from '../../infra/stack.ts';
import { type Ends, folder, list, orders } from './stack-scene.ts';

function stackOf(t: Ends, router: RouterInput, props: Partial<RouterStackProps> = {}): RouterStack {
  const dir = folder(t);
  const app = new App({ outdir: join(dir, 'cdk.out'), context: cdkFlags(), analyticsReporting: false });
  const given = { functionsFile: list, baseDir: dir, outDir: join(dir, 'dist'), prefix: 'busway', ...props };
  return new RouterStack(app, 'Busway', { ...given, router });
}

const rule = (name: string) => ({ name, when: { type: ['x'] }, to: { log: {} } }) as const;
const rulesOf = (count: number): RouterInput => ({
  ...orders,
  rules: Array.from({ length: count }, (_, i) => rule(`rule-${i}`)),
});

test('stack: a rule stands in the same nested stack whatever the others are, and no nested stack is empty', (t) => {
  const placesOf = (router: RouterInput): ReadonlyMap<string, string> => {
    const { routes } = stackOf(t, router, { ruleStacks: 4 }).router;
    return new Map([...routes].map(([name, { node }]) => [name, node.scope!.node.id]));
  };
  const all = placesOf(rulesOf(24));
  const some = placesOf({ ...orders, rules: ['rule-7', 'other', 'rule-3'].map(rule) });

  assert.equal(new Set(all.values()).size, 4);
  for (const name of ['rule-7', 'rule-3']) assert.equal(some.get(name), all.get(name));
});

test('stack: what a secret is and where to post to are outputs, and no value is', (t) => {
  const stack = stackOf(t, orders, { secrets: { CI_SECRET: 'prod/ci' } });
  const template = App.of(stack)!;
  const { Outputs } = (template as App).synth().getStackByName('Busway').template as {
    Outputs: Record<string, { Description: string }>;
  };
  const said = Object.entries(Outputs).map(([id, { Description }]) => `${id}: ${Description}`);

  assert.deepEqual(said.sort(), [
    'RedriveFunction: delivers failures again: {"rule":"…","all":true}',
    'SecretBUSWAYSECRETGITHUB: BUSWAY_SECRET_GITHUB: in force',
    'SecretBUSWAYSECRETPARTNER: BUSWAY_SECRET_PARTNER: to be filled in',
    'SecretCHATURL: CHAT_URL: to be filled in',
    'SecretCISECRET: CI_SECRET: in force',
    'WebhookUrl: where senders post to, followed by the name of a source',
  ]);
});

test('app settings: defaults, and every slip at once with the nearest known name', () => {
  assert.deepEqual(readAppSettings(undefined), { stack: 'Busway', prefix: 'busway', secrets: {} });
  assert.throws(
    () => readAppSettings({ stack: '1', prefx: 'a', archiveDays: 'x', kafkaSecret: 'hunter2', secrets: ['a'] }),
    ({ code, message }: { code: string; message: string }) =>
      code === 'CONFIG_INVALID' &&
      /context\.busway: unknown key 'prefx'; did you mean 'prefix'\?/.test(message) &&
      ['stack', 'archiveDays', 'kafkaSecret', 'secrets'].every((name) =>
        message.includes(`context.busway.${name}: must`),
      ) &&
      !message.includes('hunter2'),
  );
});

test('app settings: an embedded bus takes the name of the stack’s, another stays as it is written', () => {
  const settings = readAppSettings({});

  assert.equal(busNameFor({}, settings), 'busway');
  assert.equal(busNameFor({ bus: { use: 'embedded' } }, settings), 'busway');
  assert.equal(busNameFor({ bus: { use: 'eventbridge', bus: 'orders' } }, settings), undefined);
  assert.equal(busNameFor({ bus: 'pubsub' }, settings), undefined);
  assert.equal(busNameFor({ bus: 'embedded' }, readAppSettings({ bus: 'shop' })), 'shop');
});
