// busway filter as a user runs it: a line per rule for machines and people, on each bus, with and without a log.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buses } from '../../../adapters/registry.ts';
import { type Cli, cliScene } from '../../harness/cli.ts';

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
  readonly fix?: string;
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

/** Rules whose native filters differ on every bus, with what is left to the handler on each: the rule as written, or nothing. */
const shared = {
  sources: { shop: { use: 'cloudevents', open: true } },
  rules: [
    { name: 'listed', when: { type: ['order.placed'] }, to: { log: {} } },
    { name: 'data', when: { type: ['order.placed'], data: { total: [{ numeric: ['>', 100] }] } }, to: { log: {} } },
    { name: 'subject', when: { subject: [{ prefix: '/eu/' }] }, to: { log: {} } },
    { name: 'not', when: { data: { total: [{ 'anything-but': 5 }] } }, to: { log: {} } },
  ],
};
const exactOn: Readonly<Record<string, readonly string[]>> = {
  eventbridge: ['listed', 'data', 'subject', 'not'],
  pubsub: ['listed', 'subject'],
  eventgrid: ['subject'],
};
const nativeType: Readonly<Record<string, string>> = { eventbridge: 'object', pubsub: 'string', eventgrid: 'object' };

async function filterOn(scene: Pick<Cli, 'run'>, bus: string): Promise<readonly Line[]> {
  const { code, out, err } = await scene.run(['filter', '--bus', bus, '--config', 'router.json', '--json'], '');
  assert.deepEqual([code, err], [0, '']);
  return linesOf(out);
}

for (const [bus, exact] of Object.entries(exactOn)) {
  test(`filter: on ${bus} a line has the members of the design and no others, each of its type`, async (t) => {
    const scene = cliScene(t);
    scene.write('router.json', shared);
    const lines = await filterOn(scene, bus);

    assert.equal(lines.length, shared.rules.length);
    for (const [i, line] of lines.entries()) {
      const { name, when } = shared.rules[i]!;
      const members = ['rule', 'kind', 'native', 'residual', 'why', 'fix'];
      assert.deepEqual(
        Object.keys(line),
        members.filter((member) => member in line),
      );
      const isExact = exact.includes(name);
      assert.equal(line.rule, name);
      assert.ok(
        isExact ? line.kind === 'exact' : line.kind === 'wider' || line.kind === 'none',
        `${name} ${line.kind}`,
      );
      assert.deepEqual(line.residual, isExact ? null : when);
      assert.equal(typeof line.native, line.kind === 'none' ? 'object' : nativeType[bus]);
      assert.equal(line.native === null, line.kind === 'none');
      assert.equal(line.why === undefined, isExact, 'what is not exact says why');
      if (isExact) assert.equal(line.fix, undefined);
    }
  });
}

test('filter: what would make a rule exact is said, by what the bus offers', async (t) => {
  const scene = cliScene(t);
  scene.write('router.json', shared);
  const fixOf = async (bus: string, rule: string): Promise<string> =>
    (await filterOn(scene, bus)).find((line) => line.rule === rule)?.fix ?? '';

  assert.match(await fixOf('eventgrid', 'data'), /name 'data\.total' under 'filterable' of the bus/);
  assert.match(await fixOf('eventgrid', 'listed'), /ask for one prefix or one suffix of subject/);
  assert.equal(await fixOf('pubsub', 'data').then((text) => text !== ''), true);

  // On a custom topic a prefix of the subject is exact, in a namespace there are no subject filters.
  scene.write('router.json', { ...shared, bus: { use: 'eventgrid', topic: 'orders' } });
  const subject = (await filterOn(scene, 'eventgrid')).find(({ rule }) => rule === 'subject');
  assert.equal(subject?.kind, 'wider');
});

test('filter: shares in vain are those of the log, for each bus by what it lets through', async (t) => {
  const scene = cliScene(t);
  scene.write('router.json', shared);
  const router = await scene.dev(['--config', 'router.json', '--quiet']);
  const send = async (event: object): Promise<void> => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const body = JSON.stringify({ specversion: '1.0', source: '/s', ...event });
    assert.equal((await fetch(`${router.url}/webhooks/shop`, { method: 'POST', headers, body })).status, 202);
  };
  // 'data' takes two of eight; a filter by type lets five through, none lets all through. 'not' takes seven.
  for (const total of [5, 50, 100, 500, 1_000]) await send({ id: `p${total}`, type: 'order.placed', data: { total } });
  for (const id of ['a', 'b', 'c']) await send({ id, type: 'order.other', subject: `/eu/${id}`, data: { total: 1 } });
  await router.stop();
  const shares = async (bus: string): Promise<readonly unknown[]> =>
    (await filterOn(scene, bus)).map(({ inVain }) => inVain);

  assert.deepEqual(await shares('kafka'), [3 / 8, 6 / 8, 5 / 8, 1 / 8]);
  assert.deepEqual(await shares('eventbridge'), [0, 0, 0, 0]);
  assert.deepEqual(await shares('eventgrid'), [0, 3 / 8, 0, 1 / 8]);
  assert.deepEqual(
    await shares('pubsub'),
    [0, 0, 0, 0],
    'publishers that are up to date mark what a rule does not take',
  );
});

test('filter: a log without an event says no share, as no log does', async (t) => {
  const scene = cliScene(t);
  scene.write('router.json', shared);
  const router = await scene.dev(['--config', 'router.json']);
  await router.stop();

  for (const line of await filterOn(scene, 'eventgrid')) assert.ok(!('inVain' in line));
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

test('filter: with a store for oversized data a rule over data is wider, and one over attributes stays exact', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', { ...document, oversize: { store: { s3: { bucket: 'data', prefix: 'large/' } } } });
  const lines = linesOf((await run(['filter', '--bus', 'eventbridge', '--config', 'router.json', '--json'], '')).out);

  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ['exact', 'wider', 'exact'],
  );
  assert.deepEqual(lines[1]?.native, {
    detail: {
      type: ['com.shop.order'],
      $or: [{ data: { total: [{ numeric: ['>', 100] }] } }, { dataref: [{ prefix: 's3://data/large/' }] }],
    },
  });
  assert.match(lines[1]?.why ?? '', /oversize/);
});
