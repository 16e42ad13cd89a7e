// busway filter as a user runs it: a line per rule for machines and people, on each bus, with and without a log.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buses } from '../../../adapters/registry.ts';
import { cliScene } from '../../harness/cli.ts';

const document = {
  sources: { shop: { use: 'cloudevents', open: true } },
  rules: [
    { name: 'by-type', when: { type: ['com.shop.order'] }, to: { log: {} } },
    {
      name: 'by-data',
      when: { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } },
      to: { log: {} },
    },
    { name: 'by-sql', when: "type = 'com.shop.order'", to: { log: {} } },
  ],
};

interface Line {
  readonly rule: string;
  readonly kind: string;
  readonly native: unknown;
  readonly residual: unknown;
  readonly why?: string;
  readonly inVain?: number;
}

function linesOf(out: string): readonly Line[] {
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

for (const bus of Object.keys(buses)) {
  test(`filter: on ${bus} each rule is a line, with a residual unless it is exact and a reason unless it is`, async (t) => {
    const { run, write } = cliScene(t);
    write('router.json', document);
    const { code, out } = await run(['filter', '--bus', bus, '--config', 'router.json', '--json'], '');
    const lines = linesOf(out);

    assert.equal(code, 0);
    assert.deepEqual(
      lines.map(({ rule }) => rule),
      ['by-type', 'by-data', 'by-sql'],
    );
    for (const { kind, native, residual, inVain } of lines) {
      assert.equal(native === null, kind === 'none');
      assert.equal(residual === null, kind === 'exact');
      assert.equal(inVain, undefined, 'there is no log here');
    }
    const unfiltered = bus === 'embedded' || bus === 'kafka';
    assert.equal(
      lines.every(({ kind }) => kind === 'none'),
      unfiltered,
    );
  });
}

test('filter: EventBridge takes a pattern whole, Pub/Sub a filter of attributes', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);
  const eventbridge = linesOf(
    (await run(['filter', '--bus', 'eventbridge', '--config', 'router.json', '--json'], '')).out,
  );
  const pubsub = linesOf((await run(['filter', '--bus', 'pubsub', '--config', 'router.json', '--json'], '')).out);

  assert.deepEqual(eventbridge[1]?.native, {
    detail: { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } },
  });
  assert.equal(pubsub[0]?.native, 'attributes.ce-type = "com.shop.order"');
  assert.match(String(pubsub[1]?.native), /attributes\.ce-type = "com\.shop\.order".* NOT attributes:"?r_[0-9a-f]{16}/);
  assert.equal(pubsub[1]?.kind, 'wider');
});

test('filter: with a log it says which share would be delivered in vain', async (t) => {
  const { run, write, dev } = cliScene(t);
  write('router.json', document);
  const { url, stop } = await dev(['--config', 'router.json']);
  for (const [id, total] of [1, 50, 100, 500].entries()) {
    const event = { specversion: '1.0', id: String(id), source: '/s', type: 'com.shop.order', data: { total } };
    const headers = { 'content-type': 'application/cloudevents+json' };
    const answer = await fetch(`${url}/webhooks/shop`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.equal(answer.status, 202);
  }
  await stop();
  const share = async (bus: string): Promise<readonly (number | undefined)[]> => {
    const { out } = await run(['filter', '--bus', bus, '--config', 'router.json', '--json'], '');
    return linesOf(out).map(({ inVain }) => inVain);
  };

  assert.deepEqual(await share('embedded'), [0, 0.75, 0]);
  assert.deepEqual((await share('eventbridge')).slice(0, 2), [0, 0]);
  const text = await run(['filter', '--bus', 'kafka', '--config', 'router.json'], '');
  assert.match(text.out, /^by-data: none\n {2}residual the whole rule, in the handler\n {2}in vain {2}75\.0 %/m);
});

test('filter: an unknown bus is refused with the nearest name, and none at all too', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);
  const unknown = await run(['filter', '--bus', 'pubsup', '--config', 'router.json'], '');
  const none = await run(['filter', '--config', 'router.json'], '');

  assert.deepEqual([unknown.code, none.code], [2, 2]);
  assert.match(unknown.err, /unknown bus 'pubsup'/);
  assert.match(none.err, /name a bus with --bus/);
});
