// busway plan, the pure part: limits with their places, what a bus cannot do, mistakes beside rules that are fine, and a plan
// that is the same for the same document.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buses } from '../../adapters/registry.ts';
import { busPlans } from '../../infra/plan/buses.ts';
import { costs } from '../../infra/plan/cost.ts';
import type { PlanFinding } from '../../infra/plan/finding.ts';
import { rulesOf } from '../../infra/plan/plan-file.ts';
import { patternJson } from '../../router/pattern-json.ts';
import { canonicalJson } from '../../router/rule.ts';
import { openIdle } from '../harness/readme.ts';
import { documentOf, planned, type RuleText, texts, wholeBus } from './plan/scene.ts';

const order: RuleText = { name: 'order', when: { type: ['com.shop.order'] } };

function rules(count: number, when: (i: number) => unknown): readonly RuleText[] {
  return Array.from({ length: count }, (_, i) => ({ name: `r${i}`, when: when(i) }));
}

const told = (findings: readonly PlanFinding[], kind: PlanFinding['kind']): readonly PlanFinding[] =>
  findings.filter((finding) => finding.kind === kind);

for (const kind of Object.keys(buses)) {
  test(`plan: ${kind} has a plan and a price, and a rule is planned on it with its filter and its resources`, async () => {
    const { plan, findings, ok } = await planned(documentOf(kind, [order]));
    const [rule] = plan.rules;
    const ofRule = plan.resources.filter((one) => one.rule === 'order');

    assert.ok(Object.hasOwn(busPlans, kind) && Object.hasOwn(costs, kind));
    assert.ok(ok, JSON.stringify(findings));
    assert.deepEqual(rule?.when, { type: ['com.shop.order'] });
    assert.equal(rule?.residual === null, rule?.kind === 'exact');
    assert.deepEqual(
      rule?.resources,
      ofRule.map((one) => `${one.kind} ${one.name}`),
    );
  });

  test(`plan: on ${kind} a rule that asks for order is an error exactly where the adapter gives none`, async () => {
    const adapter = await openIdle(kind);
    await adapter.close();
    const { findings } = await planned(documentOf(kind, [order, { ...order, name: 'ordered', order: 'key' }]));
    const [first, ...others] = told(findings, 'order');

    assert.equal(first === undefined, adapter.capabilities.order);
    assert.deepEqual(others, []);
    if (first !== undefined) assert.deepEqual([first.level, first.at], ['error', "rules[1] 'ordered' order"]);
  });
}

test('plan: an EventBridge pattern is near from 80 % of its quota, wider above it, and refused above 4,096 characters', async () => {
  // {"detail":{"type":["…"]}} is 24 characters around the value.
  const sized = (size: number): RuleText => ({ name: `r${size}`, when: { type: ['x'.repeat(size - 24)] } });
  const { findings, limits, plan } = await planned(
    documentOf('eventbridge', [1638, 1639, 2048, 2049, 4097].map(sized)),
  );
  const levels = told(findings, 'limit').map(({ level, at }) => `${level} ${at}`);

  assert.deepEqual(
    limits.filter(({ what }) => what === 'characters of the pattern').map(({ used }) => used),
    [1638, 1639, 2048, 2049, 4097],
  );
  assert.deepEqual(levels, [
    "error rules[4] 'r4097'",
    "warning rules[1] 'r1639'",
    "warning rules[2] 'r2048'",
    "warning rules[3] 'r2049'",
  ]);
  assert.deepEqual(
    plan.rules.map(({ kind }) => kind === 'exact'),
    [true, true, true, false, false],
  );
});

test('plan: a raised quota of EventBridge, said by maxPattern and maxRules, moves the limits', async () => {
  const bus = { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' };
  const many = [...rules(301, (i) => ({ type: [`t${i}`] })), { name: 'long', when: { type: ['x'.repeat(3_000)] } }];
  const before = await planned(documentOf(bus, many));
  const after = await planned(documentOf({ ...bus, maxPattern: 4096, maxRules: 1_000 }, many));

  const over = told(before.findings, 'limit').map(({ level, at, says }) => [level, at, says.slice(0, 10)]);
  assert.deepEqual(over, [
    ['error', 'rules', '302 of 300'],
    ['warning', "rules[301] 'long'", '3024 of 20'],
  ]);
  assert.deepEqual(told(after.findings, 'limit'), []);
});

test('plan: wildcards are counted by rule and wherever they stand, and a field of that name is none', async () => {
  const wild = [
    { type: [{ wildcard: 'a*b' }] },
    { $or: [{ subject: [{ wildcard: '*x' }] }, { subject: ['y'] }] },
    { data: { file: [{ 'anything-but': { wildcard: '*.tmp' } }] } },
    { data: { wildcard: ['plain'] } },
  ];
  const one = await planned(
    documentOf(
      'eventbridge',
      rules(4, (i) => wild[i]),
    ),
  );
  const many = await planned(
    documentOf(
      'eventbridge',
      rules(31, (i) => ({ type: [{ wildcard: `a${i}*b` }] })),
    ),
  );

  assert.equal(one.limits.find(({ what }) => what === 'rules with wildcards')?.used, 3);
  assert.deepEqual(
    told(many.findings, 'limit').map(({ level, at, says }) => [level, at, says.slice(0, 8)]),
    [['error', 'rules', '31 of 30']],
  );
});

test('plan: a Pub/Sub filter is near from 80 % of 256 bytes; beyond them it is wider, a note with the fix', async () => {
  const list = (count: number): RuleText => ({ name: `r${count}`, when: { type: texts(count, 20) } });
  const { findings, plan, ok } = await planned(documentOf('pubsub', [list(2), list(5), list(40)]));
  const filter = plan.rules[1]!;

  assert.deepEqual(
    plan.rules.map(({ kind }) => kind),
    ['exact', 'exact', 'wider'],
  );
  assert.ok(Buffer.byteLength(filter.native as string) >= 256 * 0.8);
  assert.deepEqual(
    told(findings, 'limit').map(({ level, at }) => [level, at]),
    [['warning', "rules[1] 'r5'"]],
  );
  const [wider] = told(findings, 'wider');
  assert.deepEqual([wider?.level, wider?.at], ['note', "rules[2] 'r40' when"]);
  assert.match(wider?.says ?? '', /takes \d+ bytes, at most 256/);
  assert.match(wider?.fix ?? '', /prefix/);
  assert.ok(ok, 'what is wider delivers the same');
});

test('plan: marks of many wider rules are counted against the attributes of a Pub/Sub message', async () => {
  const when = (i: number): unknown => ({ type: [`t${i}`], data: { total: [i] } });
  const few = await planned(documentOf('pubsub', rules(60, when)));
  const many = await planned(documentOf('pubsub', rules(90, when)));

  assert.deepEqual(told(few.findings, 'limit'), []);
  const [over] = told(many.findings, 'limit');
  assert.equal(over?.level, 'warning');
  assert.match(over?.says ?? '', /^103 of 100 attributes/);
});

test('plan: more than 25 values on Event Grid make a rule wider, a note with the fix; 20 are near', async () => {
  const list = (count: number): RuleText => ({ name: `r${count}`, when: { source: texts(count) } });
  const { findings, limits, ok } = await planned(documentOf('eventgrid', [list(19), list(20), list(26)]));

  assert.equal(limits.find(({ at, what }) => at === "rules[0] 'r19'" && /values/.test(what))?.used, 19);
  assert.deepEqual(
    told(findings, 'limit').map(({ level, at, says }) => [level, at, says.slice(0, 8)]),
    [['warning', "rules[1] 'r20'", '20 of 25']],
  );
  const wider = told(findings, 'wider').find(({ at }) => at.includes('r26'));
  assert.match(wider?.says ?? '', /over 25 filters or 25 values/);
  assert.match(wider?.fix ?? '', /split the rule/);
  assert.ok(ok);
});

test('plan: 501 rules are over what an Event Grid topic takes', async () => {
  const { findings, ok } = await planned(
    documentOf(
      'eventgrid',
      rules(501, (i) => ({ subject: [{ prefix: `s${i}` }] })),
    ),
  );

  assert.equal(ok, false);
  assert.deepEqual(
    told(findings, 'limit').map(({ level, says }) => [level, says.slice(0, 10)]),
    [['error', '501 of 500']],
  );
});

test('plan: attempts beyond what a custom topic pushes are an error, on a namespace topic they are none', async () => {
  const patient = { ...order, retry: { attempts: 31 } };
  const pushed = await planned(documentOf('eventgrid', [patient]));
  const pulled = await planned(documentOf({ ...wholeBus['eventgrid'], topic: 'orders' }, [patient]));
  const [refused] = told(pushed.findings, 'retry');

  assert.deepEqual([refused?.level, refused?.at], ['error', "rules[0] 'order' retry.attempts"]);
  assert.deepEqual(told(pulled.findings, 'retry'), []);
});

test('plan: retries by the own curve of a bus that pushes are a note, and none where the times are exact', async () => {
  const push = { audience: 'a', serviceAccount: 'a@b.example' };
  const levelsOn = async (bus: string | object): Promise<readonly string[]> =>
    told((await planned(documentOf(bus, [order]))).findings, 'retry').map(({ level }) => level);

  assert.deepEqual(await levelsOn('eventbridge'), ['note']);
  assert.deepEqual(await levelsOn({ ...wholeBus['pubsub'], push }), ['note']);
  assert.deepEqual(await levelsOn('pubsub'), []);
  assert.deepEqual(await levelsOn('kafka'), []);
});

test('plan: rules with mistakes are told with their places, and the others are planned and linted all the same', async () => {
  const document = {
    bus: 'embedded',
    rules: [
      { name: 'typo', when: { type: [{ prefx: 'a' }] }, to: { log: {} } },
      { name: 'fine', when: { type: ['a'] }, to: { log: {} } },
      { name: 'fine', when: { type: ['b'] }, to: { log: {} } },
      { name: 'dead', when: { specversion: ['2.0'] }, to: { log: {} } },
    ],
  };
  const { findings, plan, changes } = await planned(document);

  assert.deepEqual(
    plan.rules.map(({ name }) => name),
    ['fine', 'dead'],
  );
  assert.deepEqual(
    findings.map(({ level, kind, at }) => `${level} ${kind} ${at}`),
    [
      "error document rules[0] 'typo' when.type[0]",
      'error document rules[2].name',
      "error never-matches rules[3] 'dead' when",
    ],
  );
  assert.ok(!changes.some(({ name }) => name === 'typo'));
});

test('plan: whatever a document is, it is planned without a throw, and an unsound one is never ok', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 3 }), async (bus, rule) => {
      for (const document of [rule, { bus, rules: [rule, { name: 'a', when: rule, to: { log: {} } }] }]) {
        const report = await planned(document);
        if (report.survey.problems.length > 0) assert.equal(report.ok, false);
        assert.doesNotThrow(() => canonicalJson(report));
      }
    }),
    { numRuns: 100 },
  );
});

test('plan: the same document gives the same plan whatever the order of its keys, and its rules can be read back', async () => {
  const when = { type: ['a'], data: { n: [{ numeric: ['>', 1] }] } };
  const one = await planned(documentOf('pubsub', [{ name: 'r', when, retry: { attempts: 3, firstMs: 5 } }]));
  const turned = { data: when.data, type: when.type };
  const other = await planned({
    rules: [{ to: { log: {} }, retry: { firstMs: 5, attempts: 3 }, when: turned, name: 'r' }],
    bus: wholeBus['pubsub'],
  });

  assert.equal(canonicalJson(one.plan), canonicalJson(other.plan));
  const [back] = rulesOf(one.plan, 'plan.json');
  assert.ok(back?.when.kind === 'fields');
  assert.equal(patternJson(back.when), canonicalJson(when));
});

test('plan: a number that no double carries comes back from a plan as it was', async () => {
  const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
  const { plan } = await planned(
    documentOf('embedded', [{ name: 'r', when: { data: { n: [rawJSON('9007199254740993')] } } }]),
  );

  assert.match(canonicalJson(plan), /"when":\{"data":\{"n":\[9007199254740993\]\}\}/);
});

test('plan: neither a url nor an option of a target or a source is in the plan', async () => {
  const document = {
    bus: 'embedded',
    sources: { hooks: { use: 'hmac', header: 'X-Canary-Header' } },
    rules: [{ ...order, to: { http: { url: 'https://x.example/canary-token' } } }],
  };
  const { survey, rules, ...report } = await planned(document);

  assert.deepEqual([survey.problems, rules.length, report.plan.rules.length], [[], 1, 1]);
  assert.doesNotMatch(canonicalJson(report), /canary/i);
});
