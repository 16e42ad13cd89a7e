// The list of functions as it is read: what it gives, and that every mistake is told with its line and the nearest known name.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { functionsOf } from '../../infra/bundle/modules.ts';
import { readFunctions, readService } from '../../infra/functions.ts';
import { RouterError } from '../../router/errors.ts';

const file = fileURLToPath(new URL('../../serverless.yml', import.meta.url));
const text = readFileSync(file, 'utf8');

function mistakesOf(changed: string): readonly string[] {
  try {
    readService(changed);
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError && thrown.code === 'CONFIG_INVALID', String(thrown));
    return thrown.message.split('\n');
  }
  return assert.fail('it was taken');
}

/** The line, from 1, on which a piece of the file stands. */
const lineOf = (given: string, piece: string): number => given.slice(0, given.indexOf(piece)).split('\n').length;

test('functions: the file of this package lists what Lambda gets, on the Node that package.json asks for', () => {
  const { runtime, architecture, functions } = readService(text);
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };

  assert.deepEqual(functions.map(({ name }) => name).sort(), Object.keys(functionsOf.aws).sort());
  assert.deepEqual([runtime, architecture], [`nodejs${/\d+/.exec(engines.node)?.[0]}.x`, 'arm64']);
  const byName = new Map(readFunctions(file).map((one) => [one.name, one]));
  assert.deepEqual(byName.get('webhook')?.routes, ['POST /webhooks/{source}', 'OPTIONS /webhooks/{source}']);
  assert.equal(byName.get('deliver')?.eventsFrom, 'dist/serverless.json:deliver');
  // The bus's deadline of 5 s and two calls of the table; a target's default 30 s.
  assert.ok(byName.get('webhook')!.timeout > 7 && byName.get('deliver')!.timeout > 35);
});

const slips: readonly (readonly [string, string, RegExp])[] = [
  ['resources:', 'resorces:', /unknown key 'resorces'; did you mean 'resources'/],
  ['memorySize: 512', 'memorySze: 512', /unknown key 'memorySze'; did you mean 'memorySize'/],
  ['timeout: 10', "timeout: '10'", /timeout: must be a whole number from 1 to 900, found "10"/],
  ['timeout: 10', 'timeout: 901', /must be a whole number from 1 to 900, found 901/],
  ['dist/webhook/index.handler', 'dist/webhok/index.handler', /handler: must be dist\/webhook\/index\.handler/],
  [
    "patterns: ['dist/webhook/**']",
    "patterns: ['dist/**']",
    /package: must be \{ patterns: \['dist\/webhook\/\*\*'\] \}/,
  ],
  ['httpApi: OPTIONS', 'htpApi: OPTIONS', /events\[1\]\.htpApi: unknown key 'htpApi'; did you mean 'httpApi'/],
  ['POST /webhooks', 'PSOT /webhooks', /httpApi: must be a method and a path/],
  [`events: \${file(dist/serverless.json):deliver}`, 'events: none', /events: must be a list such as/],
  ['runtime: nodejs24.x', 'runtime: python3.13', /runtime: must be a runtime of Node/],
  ['architecture: arm64', 'architecture: arm', /architecture: must be arm64 or x86_64/],
];

for (const [from, to, says] of slips) {
  test(`functions: '${to}' is refused with its line and what is allowed`, () => {
    assert.ok(text.includes(from), `the file has no '${from}' to change`);
    const changed = text.replace(from, () => to);
    const first = mistakesOf(changed)[0]!;

    assert.match(first, says);
    const [, line] = /^serverless\.yml:(\d+): /.exec(first) ?? [];
    assert.ok(Math.abs(Number(line) - lineOf(changed, to)) <= 1, `${first}, due at ${lineOf(changed, to)}`);
  });
}

test('functions: every mistake is told at once', () => {
  const changed = text.replace('memorySize: 512', 'memorySze: 512').replace('timeout: 60', 'timeot: 60');

  // What is unknown, and what is missing for it.
  assert.equal(mistakesOf(changed).length, 4);
});

test('functions: what is no YAML, no object or lists nothing is CONFIG_INVALID, and a file that is not there too', () => {
  assert.match(mistakesOf('a: [1\nb: 2')[0]!, /^serverless\.yml:2: is not YAML: /);
  assert.match(mistakesOf('- a')[0]!, /must be an object/);
  assert.match(
    mistakesOf(text.replace(/^functions:[\s\S]*/m, 'functions: {}\n')).join('\n'),
    /functions: must be an object of name and/,
  );
  assert.throws(() => readFunctions('/nowhere/serverless.yml'), { code: 'CONFIG_INVALID', message: /cannot be read/ });
});
