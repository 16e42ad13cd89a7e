// busway plan as a user runs it: every planted mistake is named in one run, changes against a file and against the plan that
// was kept, what-if over recorded events and over the log, thresholds, and wrong use.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lightOf, objectOf } from '../../../adapters/dataref.ts';
import { uriPrefixOf } from '../../../adapters/oversize/oversize.ts';
import { stores } from '../../../adapters/registry.ts';
import type { PlanReport } from '../../../infra/plan.ts';
import { decodeStructured, encodeStructured } from '../../../router/wire/json.ts';
import { type CliResult, cliScene } from '../../harness/cli.ts';

const log = { log: {} };
const order = { name: 'orders', when: { type: ['com.shop.order'] }, to: log };
const big = { name: 'big', when: { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } }, to: log };

const event = (id: string, total: number, type = 'com.shop.order'): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/s', type, datacontenttype: 'application/json', data: { total } });

const reportOf = ({ out }: CliResult): PlanReport => JSON.parse(out) as PlanReport;

/** Mistake → where it is told, and by which words. */
const planted: Readonly<Record<string, readonly [at: RegExp, says: RegExp]>> = {
  'an unknown key in a source': [/^sources\.gh$/, /unknown key 'secrt'/],
  'an unknown target kind': [/^rules\[0\] 'typo-target' to$/, /unknown target 'htp'; did you mean 'http'\?/],
  'an unknown operator': [/^rules\[1\] 'typo-operator' when\.type\[0\]/, /'prefx'.*did you mean 'prefix'/],
  'two rules with one name': [/^rules\[3\]\.name$/, /"twice" is the name of rules\[2\] already/],
  'a rule that can never match': [/^rules\[4\] 'never' when$/, /never matches/],
  'a rule that another covers': [/^rules\[6\] 'covered' when$/, /is covered by rule 'all-orders'/],
  'a pattern over the size of EventBridge': [
    /^rules\[7\] 'long'$/,
    /of 2048 characters of the pattern: over the limit/,
  ],
  'order by key where there is none': [/^rules\[8\] 'ordered' order$/, /EventBridge gives none/],
  'a loop into its own intake': [/^rules\[9\] 'loop' to\.http\.url$/, /is the intake of source 'events'/],
  'a variable that is not set': [/^rules\[10\] 'secret' to\.http\.secret$/, /needs the variable NOT_SET_ANYWHERE/],
};

const mistaken = {
  bus: { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' },
  sources: { gh: { use: 'github', secrt: 'x' }, events: { use: 'cloudevents', open: true } },
  rules: [
    { name: 'typo-target', when: { type: ['a'] }, to: { htp: { url: 'https://x.example/' } } },
    { name: 'typo-operator', when: { type: [{ prefx: 'b' }] }, to: log },
    { name: 'twice', when: { type: ['c'] }, to: log },
    { name: 'twice', when: { type: ['d'] }, to: log },
    { name: 'never', when: { specversion: ['2.0'] }, to: log },
    { name: 'all-orders', when: { type: [{ prefix: 'com.shop.' }] }, to: log },
    { name: 'covered', when: { type: ['com.shop.order'] }, to: log },
    { name: 'long', when: { type: Array.from({ length: 400 }, (_, i) => `org.example.${i}`) }, to: log },
    { name: 'ordered', when: { type: ['e'] }, to: { http: { url: 'https://y.example/' } }, order: 'key' },
    { name: 'loop', when: { type: ['f'] }, to: { http: { url: 'http://127.0.0.1:4400/webhooks/events' } } },
    { name: 'secret', when: { type: ['g'] }, to: { http: { url: 'https://z.example/', secret: 'NOT_SET_ANYWHERE' } } },
  ],
};

test('plan: a document with ten planted mistakes is refused, and all ten are named with their places in one run', async (t) => {
  const { run, write, dir } = cliScene(t, { BUSWAY_SECRET_GH: 'a secret that nobody sees' });
  write('router.json', mistaken);
  const json = await run(['plan', '--config', 'router.json', '--env', '--json']);
  const text = await run(['plan', '--config', 'router.json', '--env']);
  const { findings, plan, ok } = reportOf(json);

  assert.deepEqual([json.code, text.code, ok], [1, 1, false]);
  assert.equal(Object.keys(planted).length, 10);
  for (const [mistake, [at, says]] of Object.entries(planted)) {
    const found = findings.find((one) => at.test(one.at) && says.test(one.says));
    assert.ok(found !== undefined, mistake);
    assert.notEqual(found.level, 'note', mistake);
    assert.ok(text.out.includes(found.says), `${mistake}: ${text.out}`);
  }
  assert.deepEqual(
    plan.rules.map(({ name }) => name),
    ['twice', 'never', 'all-orders', 'covered', 'long', 'ordered', 'loop', 'secret'],
  );
  assert.doesNotMatch(json.out + text.out, /nobody sees/);
  assert.equal(existsSync(join(dir, '.busway')), false, 'what is refused is not kept');
});

test('plan: without mistakes it exits 0 and keeps the plan, which the next one is compared with', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('router.json', { rules: [order] });
  const first = reportOf(await run(['plan', '--config', 'router.json', '--json']));
  const kept = join(dir, '.busway', 'plan.json');
  const before = readFileSync(kept, 'utf8');
  const again = reportOf(await run(['plan', '--config', 'router.json', '--json']));
  assert.equal(readFileSync(kept, 'utf8'), before, 'the same document gives the same bytes');
  write('router.json', { rules: [order, big] });
  const other = await run(['plan', '--config', 'router.json', '--bus', 'kafka']);
  const more = await run(['plan', '--config', 'router.json']);

  assert.equal(first.against, null);
  assert.equal(statSync(kept).mode & 0o777, 0o600);
  assert.match(again.against ?? '', /^\.busway\/plan\.json of \d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC$/);
  assert.deepEqual(again.changes, []);
  assert.match(other.out, /±\s+bus\s+kafka\s+replaces embedded/);
  assert.doesNotMatch(other.out, /kept as/);
  assert.equal(more.code, 0);
  assert.match(more.out, /changes against \.busway\/plan\.json.*\n {2}\+ {2}rule {2}big\n/);
  assert.match(more.out, /ok; kept as \.busway\/plan\.json/);
});

test('plan: a kept plan that cannot be read is left aside with a warning', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('router.json', { rules: [order] });
  mkdirSync(join(dir, '.busway'));
  writeFileSync(join(dir, '.busway', 'plan.json'), '{"format":"busway-plan/0"}');
  const { code, err, out } = await run(['plan', '--config', 'router.json']);

  assert.equal(code, 0);
  assert.match(err, /warning: the kept plan is left aside: \.busway\/plan\.json: is no plan of the format/);
  assert.match(out, /there is no earlier plan/);
});

test('plan: --against takes an earlier --json output and a router document, and they say the same', async (t) => {
  const { run, write } = cliScene(t);
  const bus = { use: 'pubsub', project: 'example-1' };
  write('old.json', { bus, rules: [order, big] });
  write('new.json', { bus, rules: [{ ...order, when: { type: ['com.shop.return'] } }] });
  write('plan.json', (await run(['plan', '--config', 'old.json', '--json'])).out);
  const byPlan = reportOf(await run(['plan', '--config', 'new.json', '--against', 'plan.json', '--json']));
  const byDocument = reportOf(await run(['plan', '--config', 'new.json', '--against', 'old.json', '--json']));

  assert.deepEqual(byDocument.changes, byPlan.changes);
  assert.deepEqual(
    byPlan.changes.map(({ change, thing, name }) => `${change} ${thing} ${name.replace(/[0-9a-f]{12}$/, '#')}`),
    [
      'changed rule orders',
      'removed rule big',
      'removed subscription busway~big~#',
      'replaced subscription busway~orders~#',
    ],
  );
});

test('plan: 10,000 recorded events through old and new rules print both lists in under 10 s; bad lines are named', async (t) => {
  const { run, write } = cliScene(t);
  const returns = { name: 'returns', when: { type: ['com.shop.return'] }, to: log };
  write('old.json', { rules: [order, big] });
  write('new.json', { rules: [{ ...order, when: { type: ['com.shop.other'] } }, big, returns] });
  const lines = Array.from({ length: 10_000 }, (_, i) =>
    i % 2_000 === 3 ? '{"broken' : event(`e${i}`, i % 200, i % 4 === 0 ? 'com.shop.return' : 'com.shop.order'),
  );
  write('events.jsonl', `${lines.join('\n')}\n`);
  const startedAt = Date.now();
  const text = await run(['plan', '--config', 'new.json', '--against', 'old.json', '--events', 'events.jsonl']);
  const tookMs = Date.now() - startedAt;
  const json = await run([
    'plan',
    '--config',
    'new.json',
    '--against',
    'old.json',
    '--events',
    'events.jsonl',
    '--json',
  ]);
  const { recorded, whatIf } = reportOf(json);
  const orders = lines.filter((line) => line.includes('com.shop.order'));
  const small = orders.filter((line) => Number(/"total":(\d+)/.exec(line)![1]) <= 100).length;

  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  assert.deepEqual([recorded?.events, recorded?.bad], [9_995, 5]);
  assert.deepEqual(
    recorded?.firstBad.map((line) => line.split(':')[0]),
    ['line 4', 'line 2004', 'line 4004'],
  );
  assert.deepEqual(
    whatIf?.rules.map(({ name, gained, lost }) => [name, gained.count, lost.count, [...gained.ids, ...lost.ids]]),
    [
      ['orders', 0, orders.length, ['e1', 'e2', 'e5']],
      ['returns', 2_500, 0, ['e0', 'e4', 'e8']],
    ],
  );
  assert.deepEqual([whatIf?.routed.count, whatIf?.first.count, whatIf?.unrouted.count], [2_500, 2_500, small]);
  assert.match(text.out, /9,995 events of events\.jsonl; 5 bad lines left out: line 4: /);
  assert.match(text.out, new RegExp(`orders +- ${orders.length.toLocaleString('en')} \\(e1, e2, e5, …\\)`));
  assert.match(text.out, /returns +\+ 2,500 \(e0, e4, e8, …\)/);
});

test('plan: a line of any length is one bad line, and ids cannot steer the terminal', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', { rules: [order] });
  const hostile = event('\u001b[2J\u202egone', 1);
  write('events.jsonl', `${'x'.repeat(17 * 1024 * 1024)}\n${hostile}\n${event('good', 1)}\n`);
  const { code, out } = await run(['plan', '--config', 'router.json', '--events', 'events.jsonl']);

  assert.equal(code, 0);
  assert.match(out, /line 1: the line is longer than 16777216 bytes/);
  assert.match(out, /good/);
  assert.doesNotMatch(out, /[\u001b\u202e]/);
});

test('plan: --last compares the newest events of the log, and they give sizes and shares for the cost', async (t) => {
  const { run, write, dev } = cliScene(t);
  const sources = { shop: { use: 'cloudevents', open: true } };
  write('old.json', { sources, rules: [order] });
  const { url, stop } = await dev(['--config', 'old.json']);
  for (const total of [1, 50, 150, 500]) {
    const headers = { 'content-type': 'application/cloudevents+json' };
    const answer = await fetch(`${url}/webhooks/shop`, { method: 'POST', headers, body: event(`n${total}`, total) });
    assert.equal(answer.status, 202);
  }
  await stop();
  write('new.json', { bus: { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' }, sources, rules: [big] });
  const args = ['plan', '--config', 'new.json', '--against', 'old.json', '--json'];
  const all = reportOf(await run([...args, '--last', '100']));
  const two = reportOf(await run([...args, '--last', '2']));

  assert.deepEqual([all.recorded?.from, all.recorded?.events, two.recorded?.events], ['the embedded log', 4, 2]);
  assert.deepEqual([all.whatIf?.routed.count, all.whatIf?.unrouted.count], [2, 2]);
  assert.deepEqual([two.whatIf?.routed.count, two.whatIf?.unrouted.count], [2, 0]);
  const eventbridge = all.cost.perMillionEvents.find(({ bus }) => bus === 'eventbridge');
  const eventgrid = all.cost.perMillionEvents.find(({ bus }) => bus === 'eventgrid');
  assert.deepEqual([eventbridge?.deliveries, eventgrid?.deliveries], [500_000, 1_000_000]);
  assert.match(all.cost.assumptions[0] ?? '', /4 events of the embedded log/);
});

test('plan: an event whose data lies in the store is not judged, and that is said', async (t) => {
  const { run, write, dir } = cliScene(t);
  const document = { oversize: { store: { folder: 'data' } }, rules: [order, big] };
  write('router.json', document);
  const uriPrefix = await uriPrefixOf({ kind: 'folder', options: { path: 'data' } }, stores, dir);
  const whole = decodeStructured(Buffer.from(event('large', 500)));
  const light = lightOf(whole, objectOf(whole.data!), uriPrefix);
  write('events.jsonl', `${encodeStructured(light).toString()}\n${event('small', 1)}\n`);
  const { recorded, whatIf } = reportOf(
    await run(['plan', '--config', 'router.json', '--events', 'events.jsonl', '--json']),
  );
  const { out } = await run(['plan', '--config', 'router.json', '--events', 'events.jsonl']);

  assert.deepEqual([recorded?.events, recorded?.unjudged, whatIf?.events], [2, 1, 1]);
  assert.match(out, /1 not judged, their data is in the store/);
});

test('plan: without a log --last says where to get one', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', { rules: [order] });
  const { code, err } = await run(['plan', '--config', 'router.json', '--last', '10']);

  assert.equal(code, 1);
  assert.match(err, /there is no embedded bus in .*run busway dev/);
});

test('plan: a threshold that is passed gives exit code 1 and keeps nothing, one that is not gives 0', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('old.json', { rules: [order] });
  write('new.json', { rules: [big] });
  write('events.jsonl', `${event('a', 1)}\n${event('b', 500)}\n`);
  const judged = (failOn: string): Promise<CliResult> =>
    run(['plan', '--config', 'new.json', '--against', 'old.json', '--events', 'events.jsonl', '--fail-on', failOn]);
  const passed = await judged('unrouted>0');
  const held = await judged('unrouted>1,routed>5');
  const dear = await run(['plan', '--config', 'new.json', '--bus', 'eventgrid', '--fail-on', 'cost>0.5']);
  const free = await run(['plan', '--config', 'new.json', '--fail-on', 'cost>0']);

  assert.deepEqual([passed.code, held.code, dear.code, free.code], [1, 0, 1, 0]);
  assert.match(passed.out, /FAIL {2}unrouted 1, allowed 0/);
  assert.match(held.out, /ok {4}unrouted 1, allowed 1\n {2}ok {4}routed 1, allowed 5/);
  assert.match(dear.out, /FAIL {2}cost \d+\.\d\d, allowed 0\.5/);
  assert.equal(existsSync(join(dir, '.busway', 'plan.json')), true, 'only the last one was kept');
});

for (const [args, says] of [
  [['--fail-on', 'routed>1'], /--fail-on routed needs events; name them with --last N or --events FILE/],
  [['--fail-on', 'unrouted>1', '--events', 'events.jsonl'], /needs earlier rules.*--against FILE/],
  [['--fail-on', 'rooted>1'], /unknown key 'rooted'; did you mean 'routed'\?/],
  [['--last', '5', '--events', 'events.jsonl'], /name one/],
  [['--last', '0'], /--last must be an integer from 1/],
  [['--bus', 'kafak'], /unknown kind 'kafak'; did you mean 'kafka'\?/],
] as const) {
  test(`plan: ${args.join(' ')} is wrong use, with exit code 2`, async (t) => {
    const { run, write } = cliScene(t);
    write('router.json', { rules: [order] });
    write('events.jsonl', event('a', 1));
    const { code, err, out } = await run(['plan', '--config', 'router.json', ...args]);

    assert.deepEqual([code, out], [2, '']);
    assert.match(err, says);
  });
}

for (const [name, args, says] of [
  ['a file of events that is not there', ['--events', 'none.jsonl'], /none\.jsonl cannot be read \(ENOENT\)/],
  ['a folder of events', ['--events', '.'], /\. cannot be read \(EISDIR\)/],
  ['an earlier plan that is not there', ['--against', 'none.json'], /there is no file none\.json/],
  ['an earlier plan of another format', ['--against', 'old.json'], /old\.json: is no plan of the format/],
  ['an earlier document with a mistake', ['--against', 'wrong.json'], /the router document has a mistake/],
] as const) {
  test(`plan: ${name} is told, with exit code 1`, async (t) => {
    const { run, write } = cliScene(t);
    write('router.json', { rules: [order] });
    write('old.json', { format: 'other' });
    write('wrong.json', { ruls: [] });
    const { code, err } = await run(['plan', '--config', 'router.json', ...args]);

    assert.equal(code, 1);
    assert.match(err, says);
  });
}

test('plan: a variable that is not set is a note, and an error with --env; no value is ever told', async (t) => {
  const document = {
    sources: { gh: { use: 'github' } },
    rules: [{ ...order, to: { slack: { webhook: 'HOOK_URL', text: 'hi' } } }],
  };
  const bare = cliScene(t);
  bare.write('router.json', document);
  const noted = await bare.run(['plan', '--config', 'router.json']);
  const refused = await bare.run(['plan', '--config', 'router.json', '--env']);
  const filled = cliScene(t, { BUSWAY_SECRET_GH: 'canary-1', HOOK_URL: 'https://canary-2.example/' });
  filled.write('router.json', document);
  const set = await filled.run(['plan', '--config', 'router.json', '--env', '--json']);

  assert.deepEqual([noted.code, refused.code, set.code], [0, 1, 0]);
  assert.match(noted.out, /note {4}sources\.gh: needs the variable BUSWAY_SECRET_GH/);
  assert.match(refused.out, /error {3}rules\[0\] 'orders' to\.slack\.webhook: needs the variable HOOK_URL/);
  assert.doesNotMatch(set.out, /canary/);
});

test('plan: --bus plans for a bus that the document does not name yet, and says what is missing there', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', { rules: [order] });
  const { code, out } = await run(['plan', '--config', 'router.json', '--bus', 'eventbridge']);

  assert.equal(code, 0);
  assert.match(out, /plan: 1 rule on eventbridge/);
  assert.match(out, /note {4}bus: 'bus' is required.*\n +→ write it in the document when you move there/);
  assert.match(out, /eventbridge \*/);
});

test('plan: functions come from serverless.yml; a broken one is an error with its place', async (t) => {
  const { run, write } = cliScene(t);
  const provider = 'service: shop\nprovider: { name: aws, runtime: nodejs24.x, architecture: arm64 }\n';
  const listed = (handler: string): string =>
    `${provider}functions:\n  webhook:\n    ${handler}: dist/webhook/index.handler\n    memorySize: 512\n    timeout: 9\n    package: { patterns: ['dist/webhook/**'] }\n`;
  write('router.json', { rules: [order] });
  write('serverless.yml', listed('handler'));
  const good = reportOf(await run(['plan', '--config', 'router.json', '--json']));
  write('serverless.yml', listed('handlr'));
  const bad = await run(['plan', '--config', 'router.json']);
  write('serverless.yml', 'a: [1\nb: 2');
  const broken = await run(['plan', '--config', 'router.json']);
  // A file of a kilobyte that stands for a billion values when it is written out.
  const bomb = Array.from({ length: 9 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i}, `.repeat(9)}*x${i}]`);
  write(
    'serverless.yml',
    `x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n${bomb.join('\n')}\n${listed('handler')}    more: *x9\n`,
  );
  const unfolded = await run(['plan', '--config', 'router.json']);

  assert.deepEqual(
    good.plan.functions?.map(({ name, kind }) => [name, kind]),
    [['webhook', 'dist/webhook/index.handler']],
  );
  assert.deepEqual([bad.code, broken.code, unfolded.code], [1, 1, 1]);
  assert.match(bad.out, /error {3}serverless\.yml:5: functions\.webhook\.handlr: unknown key.*did you mean 'handler'/);
  assert.match(broken.out, /error {3}serverless\.yml:2: is not YAML/);
  assert.match(unfolded.out, /functions\.webhook\.more: unknown key 'more'/);
});
