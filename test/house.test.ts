// The house holds: every rule of test/harness/house-rules.ts over every source file, and each rule shown to catch a
// planted violation and to let the right thing pass.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { houseRules } from './harness/house-rules.ts';
import { readSource, type SourceFile } from './harness/source-text.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const tree: SourceFile[] = [];
for await (const found of glob(
  '{router,adapters,functions,infra,local,exports,test,examples}/**/*.{ts,mts,js,mjs,cjs}',
  {
    cwd: root,
  },
)) {
  const path = found.replaceAll('\\', '/');
  if (path.startsWith('test/fixtures/') || path.includes('node_modules/')) continue;
  tree.push(readSource(path, readFileSync(`${root}${path}`, 'utf8')));
}

for (const [name, rule] of Object.entries(houseRules)) {
  test(`house: ${name}`, () => {
    const findings = rule(tree).map(({ path, line, says }) => `${path}:${line}: ${says}`);

    assert.deepEqual(findings, []);
  });
}

test('house: the whole tree was read', () => {
  const read = new Set(tree.map((file) => file.path));

  assert.ok(tree.length > 80, `only ${tree.length} files`);
  for (const path of ['router/errors.ts', 'local/bin.cjs', 'functions/hosts/node.ts', 'test/house.test.ts']) {
    assert.ok(read.has(path), path);
  }
});

interface Planted {
  readonly rule: string;
  readonly bad: Readonly<Record<string, string>>;
  readonly good: Readonly<Record<string, string>>;
}

const planted: readonly Planted[] = [
  {
    rule: 'imports go one way',
    bad: {
      'router/a.ts': "import { x } from '../adapters/b.ts';",
      'adapters/a.ts': "import type { X } from '../functions/b.ts';",
      'functions/a.ts': "const x = await import('../local/b.ts');",
      'functions/sources/b.ts': "import '../../infra/define.ts';",
      'infra/a.ts': "import { open } from '../adapters/kafka/adapter.ts';",
      'infra/b.ts': "import { x } from '../functions/webhook.ts';",
      'infra/c.ts': "import { ensure } from '../adapters/pubsub/ensure.ts';",
      'infra/d.ts': "import { definitions } from '../adapters/definitions.ts';",
      'local/a.ts': "import { x } from '../test/fakes/x.ts';",
      'adapters/kafka/c.ts': "import { x } from '../embedded/store.ts';",
      'router/d.ts': "export { x } from '../local/x.ts';",
      'infra/e.ts': "import { x } from '../exports/busway.ts';",
      'examples/a.ts': "import { x } from '../exports/busway.ts';",
    },
    good: {
      'functions/a.ts': "import { x } from '../router/b.ts';\nimport type { A } from '../adapters/adapter.ts';",
      'infra/a.ts':
        "import { x } from '../adapters/kafka/filter.ts';\nimport { sources } from '../functions/sources/registry.ts';",
      'infra/b.ts':
        "import { x } from '../adapters/pubsub/definitions.ts';\nimport { y } from '../adapters/eventbridge/queues.ts';",
      'local/a.ts': "import { x } from '../infra/plan.ts';",
      'router/a.ts': "// import { x } from '../local/a.ts';\nconst text = \"import { x } from '../local/a.ts'\";",
      'test/a.ts': "import { x } from '../local/b.ts';",
    },
  },
  {
    rule: 'router/ is pure: no modules of node but crypto and buffer',
    bad: {
      'router/a.ts': "import { readFile } from 'node:fs/promises';",
      'router/b.ts': "import { Hono } from 'hono';",
      'router/c.ts': "const fs = await import('fs');",
    },
    good: { 'router/a.ts': "import { createHash } from 'node:crypto';", 'local/a.ts': "import 'node:fs';" },
  },
  {
    rule: 'router/ is pure: no clock and no randomness',
    bad: {
      'router/a.ts': 'const a = Math.random();',
      'router/b.ts': 'const a = Date.now();',
      'router/c.ts': 'const a = new Date();',
      'router/d.ts': 'const a = new Date;',
      'router/e.ts': 'setTimeout(f, 1);',
      'router/f.ts': "import { randomUUID } from 'node:crypto';",
    },
    good: {
      'router/a.ts': 'const a = new Date(now); // never Date.now()\nconst says = "Math.random()";',
      'local/b.ts': 'const a = Date.now();',
    },
  },
  {
    rule: "an SDK stays in its bus's folder",
    bad: {
      'functions/a.ts': "import { Kafka } from 'kafkajs';",
      'adapters/kafka/a.ts': "import { x } from '@aws-sdk/client-eventbridge';",
      'functions/targets/http.ts': "await import('@aws-sdk/client-lambda');",
      'adapters/eventbridge/a.ts': "import { LambdaClient } from '@aws-sdk/client-lambda';",
      'adapters/registry.ts': "import { PubSub } from '@google-cloud/pubsub';",
      'infra/a.ts': "type Sdk = typeof import('@azure/eventgrid');",
    },
    good: {
      'adapters/kafka/a.ts': "import type * as KafkaJs from 'kafkajs';",
      'functions/targets/lambda.ts': "await import('@aws-sdk/client-lambda');",
      'adapters/pubsub/a.ts': "import { PubSub } from '@google-cloud/pubsub';",
      'test/a.ts': "import { Kafka } from 'kafkajs';",
    },
  },
  {
    rule: 'process.env is read at the edge only',
    bad: {
      'functions/a.ts': 'const a = process.env.HOME;',
      'local/a.ts': 'const { env } = process;',
      'adapters/a.ts': "const a = process['env'];",
      'test/a.test.ts': 'spawn(x, { env: process.env });',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: planted source text
      'infra/a.ts': 'const a = `${process.env.HOME}`;',
    },
    good: {
      'functions/hosts/aws.ts': 'const a = process.env;',
      'local/main.ts': 'const a = process.env;',
      'test/harness/a.ts': 'const a = process.env;',
      'local/a.ts': "io.out('set process.env');\nprocess.exit(1);",
    },
  },
  {
    rule: 'node:process is imported at the edge only',
    bad: { 'local/a.ts': "import { env } from 'node:process';" },
    good: { 'local/main.ts': "import { env } from 'node:process';" },
  },
  {
    rule: 'no import cycles',
    bad: {
      'local/a.ts': "import { b } from './b.ts';",
      'local/b.ts': "export { c } from './c.ts';",
      'local/c.ts': "await import('./a.ts');",
    },
    good: {
      'local/a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';",
      'local/b.ts': "import { c } from './c.ts';\nimport type { A } from './a.ts';",
    },
  },
  {
    rule: 'no barrel files',
    bad: {
      'router/index.ts': "export { a } from './a.ts';\nexport type { B } from './b.ts';",
      'router/all.ts': "export * from './a.ts';\nexport const x = 1;",
    },
    good: {
      'router/a.ts': "import type { B } from './b.ts';\nexport type { B };\nexport const a = 1;",
      'exports/busway.ts': "export { a } from '../router/a.ts';",
    },
  },
  {
    rule: 'registries load no implementation',
    bad: {
      'adapters/registry.ts':
        "import { a } from './kafka/adapter.ts';\nconst load = () => import('./kafka/adapter.ts');",
      'adapters/kafka/adapter.ts': '',
      'functions/targets/registry.ts': "import { check } from './check.ts';",
      'functions/targets/check.ts': "import { lookup } from 'node:dns';",
    },
    good: {
      'adapters/registry.ts':
        "import { options } from './kafka/options.ts';\nconst load = () => import('./kafka/adapter.ts');",
      'adapters/kafka/options.ts': "import type { X } from 'kafkajs';",
      'adapters/kafka/adapter.ts': "import { Kafka } from 'kafkajs';",
    },
  },
  {
    rule: 'no default exports but router documents',
    bad: {
      'local/a.ts': 'export default function f() {}',
      'local/b.ts': 'const a = 1;\nexport { a as default };',
    },
    good: {
      'infra/router.ts': 'export default {};',
      'examples/a/router.ts': 'export default {};',
      'local/init.ts': "const says = 'write export default defineRouter({ … })';",
    },
  },
  {
    rule: 'no file over 400 lines',
    bad: { 'local/a.ts': 'x\n'.repeat(401), 'local/bin.cjs': 'x\n'.repeat(500) },
    good: { 'local/a.ts': 'x\n'.repeat(400) },
  },
  {
    rule: 'no code from text',
    bad: {
      'local/a.ts': 'eval(text);',
      'local/b.ts': "const f = new Function('a', text);",
      'local/c.ts': "import { runInNewContext } from 'node:vm';",
    },
    good: { 'local/a.ts': '// eval(text)\nretrieval(1);\nconst isFunction = (f: Function) => f;' },
  },
  {
    rule: 'no regular expression from a variable',
    bad: {
      'router/a.ts': 'const a = new RegExp(pattern);',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: planted source text
      'router/b.ts': 'const a = new RegExp(`^${prefix}`);',
      'router/c.ts': "const a = RegExp('^' + prefix);",
    },
    good: { 'router/a.ts': "const a = new RegExp('^a', 'u');\nconst b = /a/;" },
  },
  {
    rule: 'signatures are compared in constant time',
    bad: {
      'functions/sources/a.ts': 'if (signature === expected) return accepted;',
      'functions/sources/b.ts': "if (header !== hmac.digest('hex')) refuse();",
      'functions/sources/c.ts': 'if (expectedSignature.equals(given)) accept();',
      'functions/sources/d.ts': 'if (given === expectedToken) accept();',
    },
    good: {
      'functions/sources/a.ts':
        "if (signature === undefined) refuse();\nif (token === '') refuse();\nif (signature.length !== 64) refuse();\nif (algorithm === 'sha1') f();\ntimingSafeEqual(signature, expected);",
    },
  },
];

const read = (files: Readonly<Record<string, string>>): SourceFile[] =>
  Object.entries(files).map(([path, text]) => readSource(path, text));

for (const { rule, bad, good } of planted) {
  test(`house: a planted violation is caught: ${rule}`, () => {
    const check = houseRules[rule]!;
    const found = new Set(check(read(bad)).map(({ path }) => path));

    const offenders = Object.keys(bad).filter((path) => bad[path] !== '' && path !== 'functions/targets/check.ts');
    assert.deepEqual([...found].sort(), offenders.sort());
    assert.deepEqual(check(read(good)), []);
  });
}

test('house: every rule has a planted violation', () => {
  assert.deepEqual(planted.map(({ rule }) => rule).sort(), Object.keys(houseRules).sort());
});
