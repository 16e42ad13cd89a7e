// Checking a document: every mistake at once, each with its path and the nearest known name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../router/config.ts';
import { checkDocument, type KnownKinds, type RouterDocument, surveyDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';

const kinds: KnownKinds = {
  buses: {
    embedded: { options: {} },
    kafka: {
      options: { brokers: { type: 'strings', says: 'brokers' }, ssl: { type: 'boolean', default: false, says: 'TLS' } },
    },
  },
  sources: {
    github: { options: {} },
    hmac: { options: { header: { type: 'string', required: true, says: 'the header' } } },
  },
  targets: {
    log: { options: {} },
    http: {
      options: { url: { type: 'string', required: true, says: 'where to' }, secret: { type: 'env', says: 'a secret' } },
    },
  },
};

const check = (input: unknown): RouterDocument => checkDocument(input, kinds);

function problemsOf(input: unknown): readonly Problem[] {
  try {
    check(input);
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError && thrown.code === 'DOCUMENT_INVALID', String(thrown));
    const problems = thrown.facts['problems'] as readonly Problem[];
    for (const { says } of problems) assert.ok(thrown.message.includes(says), 'the message lists every problem');
    return problems;
  }
  return [];
}

const rule = (more: object = {}): object => ({ name: 'r', when: { type: ['t'] }, to: { log: {} }, ...more });

test('document: the least there is gets its defaults', () => {
  const { bus, sources, rules, hash } = check({});
  assert.deepEqual([bus, sources, rules], [{ kind: 'embedded', options: {} }, [], []]);
  assert.match(hash, /^[0-9a-f]{16}$/);
});

test('document: a whole one is read', () => {
  const document = check({
    bus: { use: 'kafka', brokers: ['b:9092'] },
    sources: { github: { use: 'github' }, 'my-shop': { use: 'hmac', header: 'x-sig' } },
    rules: [rule(), rule({ name: 'r2', to: { http: { url: 'https://x' } }, retry: { attempts: 2 }, order: 'key' })],
  });

  assert.deepEqual(document.bus, { kind: 'kafka', options: { brokers: ['b:9092'], ssl: false } });
  assert.deepEqual(document.sources[1], { name: 'my-shop', kind: 'hmac', options: { header: 'x-sig' } });
  assert.deepEqual(document.rules[1]?.retry, { attempts: 2, firstMs: 1_000, maxMs: 60_000 });
  assert.deepEqual([document.rules[0]?.order, document.rules[1]?.order], [undefined, 'key']);
});

const mistakes: readonly (readonly [what: string, input: unknown, path: string, says: RegExp])[] = [
  ['no object', 'x', '', /must be an object with bus, sources, rules/],
  ['an unknown key', { rulez: [] }, '', /unknown key 'rulez'; did you mean 'rules'/],
  ['an unknown bus', { bus: 'kafak' }, 'bus', /unknown kind 'kafak'; did you mean 'kafka'/],
  ['a bus named like an inherited member', { bus: 'constructor' }, 'bus', /unknown kind 'constructor'/],
  ['a bus without use', { bus: {} }, 'bus.use', /one of embedded, kafka/],
  [
    'an unknown bus option',
    { bus: { use: 'kafka', brokerz: [] } },
    'bus',
    /unknown key 'brokerz'; did you mean 'brokers'/,
  ],
  ['a wrong bus option', { bus: { use: 'kafka', ssl: 'yes' } }, 'bus.ssl', /true or false/],
  ['bus null', { bus: null }, 'bus', /found null/],
  ['sources null', { sources: null }, 'sources', /found null/],
  ['rules null', { rules: null }, 'rules', /must be a list of rules, found null/],
  ['sources as a list', { sources: [] }, 'sources', /found a list of 0/],
  ['a source name that is no part of a URL', { sources: { 'a/b': { use: 'github' } } }, 'sources.a/b', /part of a URL/],
  ['an unknown source kind', { sources: { x: { use: 'githb' } } }, 'sources.x.use', /did you mean 'github'/],
  ['a missing source option', { sources: { x: { use: 'hmac' } } }, 'sources.x', /'header' is required/],
  ['a source that is no object', { sources: { x: 'github' } }, 'sources.x', /"use"/],
  ['a rule that is no object', { rules: [1] }, 'rules[0]', /must be an object, found 1/],
  ['an unknown rule key', { rules: [rule({ too: {} })] }, 'rules[0]', /unknown key 'too'; did you mean 'to'/],
  ['a bad rule name', { rules: [rule({ name: 'a b' })] }, 'rules[0].name', /1-64 letters/],
  ['a rule name that is too long', { rules: [rule({ name: 'a'.repeat(65) })] }, 'rules[0].name', /1-64 letters/],
  ['a rule without a pattern', { rules: [rule({ when: undefined })] }, 'rules[0]', /'when' is required/],
  ['an unknown operator', { rules: [rule({ when: { type: [{ prefx: 'a' }] } })] }, 'rules[0].when.type[0]', /'prefix'/],
  [
    'an unknown target',
    { rules: [rule({ to: { htp: {} } })] },
    'rules[0].to',
    /unknown target 'htp'; did you mean 'http'/,
  ],
  ['two targets', { rules: [rule({ to: { log: {}, http: {} } })] }, 'rules[0].to', /one key/],
  ['a target as a string', { rules: [rule({ to: 'log' })] }, 'rules[0].to', /one key/],
  ['a missing target option', { rules: [rule({ to: { http: {} } })] }, 'rules[0].to.http', /'url' is required/],
  [
    'a secret in the document',
    { rules: [rule({ to: { http: { url: 'x', secret: 'whsec_a+b=' } } })] },
    'rules[0].to.http.secret',
    /name of an environment variable/,
  ],
  ['no attempt at all', { rules: [rule({ retry: { attempts: 0 } })] }, 'rules[0].retry.attempts', /from 1 to 100/],
  ['an unknown retry key', { rules: [rule({ retry: { atempts: 3 } })] }, 'rules[0].retry', /did you mean 'attempts'/],
  ['an unknown order', { rules: [rule({ order: 'kye' })] }, 'rules[0].order', /did you mean 'key'/],
];

for (const [what, input, path, says] of mistakes) {
  test(`document: ${what} is refused with its path`, () => {
    const [problem, ...more] = problemsOf(input);
    assert.equal(problem?.path, path);
    assert.match(problem.says, says);
    assert.deepEqual(more, []);
  });
}

test('document: every mistake is reported at once', () => {
  const problems = problemsOf({
    bus: 'embeded',
    extra: 1,
    sources: { x: { use: 'nothing' } },
    rules: [rule({ order: 'no' }), rule({ name: 'b', when: { type: 'x' }, to: { logg: {} } })],
  });
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['', 'bus', 'sources.x.use', 'rules[0].order', 'rules[1].when.type', 'rules[1].to'],
  );
});

test('document: two rules with one name are refused, also when one has other mistakes', () => {
  for (const first of [rule(), rule({ order: 'no' })]) {
    const problems = problemsOf({ rules: [first, rule({ name: 'other' }), rule(), rule()] });
    const named = problems.filter(({ path }) => path.endsWith('.name'));
    assert.deepEqual(
      named.map(({ path }) => path),
      ['rules[2].name', 'rules[3].name'],
    );
    for (const { says } of named) assert.match(says, /"r" is the name of rules\[0\] already/);
  }
});

test('document: a hash does not depend on the order of keys, and changes with every value', () => {
  const a = check({ rules: [{ name: 'r', when: { type: ['t'], source: ['s'] }, to: { log: {} } }] });
  const b = check({ rules: [{ to: { log: {} }, when: { source: ['s'], type: ['t'] }, name: 'r' }] });
  const c = check({ rules: [{ name: 'r', when: { type: ['t'], source: ['S'] }, to: { log: {} } }] });

  assert.deepEqual([a.hash, a.rules[0]?.hash], [b.hash, b.rules[0]?.hash]);
  assert.notEqual(a.rules[0]?.hash, c.rules[0]?.hash);
});

test('document: a cycle or endless nesting is a problem, not a crash', () => {
  const cycle: Record<string, unknown> = {};
  cycle['a'] = cycle;
  assert.equal(problemsOf({ rules: [rule({ when: cycle })] })[0]?.path, 'rules[0].when');
});

test('document: names that objects inherit are names like any other', () => {
  const input = JSON.parse('{"__proto__":{"bus":"kafka"},"sources":{"constructor":{"use":"github"}}}') as unknown;
  assert.deepEqual(
    problemsOf(input).map(({ says }) => says.split(';')[0]),
    ["unknown key '__proto__'"],
  );
});

const withStores: KnownKinds = {
  ...kinds,
  stores: {
    folder: { options: { path: { type: 'string', required: true, says: 'the folder' } } },
    s3: {
      options: {
        bucket: { type: 'string', required: true, says: 'the bucket' },
        prefix: { type: 'string', says: 'what keys begin with' },
      },
    },
  },
};

test('document: oversize names one store, a kind with one option by its value alone', () => {
  const storeOf = (store: unknown) => checkDocument({ oversize: { store } }, withStores).oversize?.store;

  assert.deepEqual(storeOf({ folder: 'large' }), { kind: 'folder', options: { path: 'large' } });
  assert.deepEqual(storeOf({ folder: { path: 'large' } }), { kind: 'folder', options: { path: 'large' } });
  assert.deepEqual(storeOf({ s3: { bucket: 'b', prefix: 'p/' } }), {
    kind: 's3',
    options: { bucket: 'b', prefix: 'p/' },
  });
  assert.equal(checkDocument({}, withStores).oversize, undefined);
});

test('document: a mistake in oversize is named with its path and the nearest known name', () => {
  const cases: readonly (readonly [oversize: unknown, path: string, says: RegExp])[] = [
    [null, 'oversize', /must be an object/],
    [{}, 'oversize', /'store' is required/],
    [{ store: { folder: 'a' }, stor: 1 }, 'oversize', /unknown key 'stor'; did you mean 'store'/],
    [{ store: 'a' }, 'oversize.store', /one key, the kind of store \(folder, s3\)/],
    [{ store: {} }, 'oversize.store', /one key/],
    [{ store: { folder: 'a', s3: { bucket: 'b' } } }, 'oversize.store', /one key/],
    [{ store: { foldr: 'a' } }, 'oversize.store', /unknown store 'foldr'; did you mean 'folder'/],
    [{ store: { constructor: 'a' } }, 'oversize.store', /unknown store/],
    [{ store: { folder: '' } }, 'oversize.store.folder.path', /non-empty/],
    [{ store: { folder: 5 } }, 'oversize.store.folder.path', /non-empty/],
    [{ store: { s3: { buckett: 'b' } } }, 'oversize.store.s3', /did you mean 'bucket'/],
    [{ store: { s3: 'b' } }, 'oversize.store.s3', /must be an object/],
  ];
  for (const [oversize, path, says] of cases) {
    assert.throws(
      () => checkDocument({ oversize }, withStores),
      (thrown: RouterError) => {
        const problems = thrown.facts['problems'] as readonly Problem[];
        return problems.some((one) => one.path === path && says.test(one.says));
      },
      JSON.stringify(oversize),
    );
  }
  assert.match(problemsOf({ oversize: { store: { folder: 'a' } } })[0]!.says, /unknown store 'folder'; allowed: none/);
});

test('document: a survey keeps what is sound beside every mistake, with the place of each rule', () => {
  const rule = (name: string, when: unknown): unknown => ({ name, when, to: { log: {} } });
  const rules = [
    rule('typo', { type: [{ prefx: 'a' }] }),
    rule('fine', { type: ['a'] }),
    rule('fine', { type: ['b'] }),
  ];
  const { document, problems, places } = surveyDocument({ bus: 'kafkaa', rules }, kinds);

  assert.deepEqual(
    problems.map(({ path }) => path.split('.')[0]),
    ['bus', 'rules[0]', 'rules[2]'],
  );
  assert.deepEqual([document.bus.kind, document.hash, document.rules.map(({ name }) => name)], ['', '', ['fine']]);
  assert.deepEqual(
    [...places],
    [
      ['typo', 0],
      ['fine', 1],
    ],
  );
});
