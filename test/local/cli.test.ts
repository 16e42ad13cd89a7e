// The command line as a user runs it: help, wrong use, and what a machine reads. Runs the commands as child processes.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands } from '../../local/commands.ts';
import { cliScene, runCli } from '../harness/cli.ts';

const document = {
  sources: { hooks: { use: 'github' } },
  rules: [
    { name: 'all-pushes', when: { type: ['com.github.push'] }, to: { log: {} } },
    { name: 'main', when: { type: ['com.github.push'], subject: ['refs/heads/main'] }, to: { log: {} } },
    { name: 'big', when: { data: { n: [{ numeric: ['>', 500] }] } }, to: { log: {} } },
  ],
};

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/s', type: 't', ...more });

test('cli: the help lists every command, and each has its own with an example', async (t) => {
  const { run } = cliScene(t);

  const [all, ...each] = await Promise.all([
    run(['--help']),
    ...Object.keys(commands).map((name) => run([name, '--help'])),
  ]);

  assert.equal(all.code, 0);
  for (const [i, name] of Object.keys(commands).entries()) {
    assert.match(all.out, new RegExp(`^  ${name} +\\S`, 'm'));
    const { code, out, err } = each[i]!;
    assert.deepEqual([code, err], [0, ''], name);
    assert.match(out, new RegExp(`^busway ${name}\\b`));
    assert.match(out, new RegExp(`\nexample\n  .*busway ${name}\\b`), name);
  }
});

test('cli: help stands in no file and no network, so it works anywhere', async (t) => {
  const { dir, run } = cliScene(t);

  await run(['dev', '--help']);
  await run(['help']);

  assert.deepEqual(readdirSync(dir), []);
});

test('cli: an unknown command or option is wrong use, with the nearest name', async (t) => {
  const { run } = cliScene(t);

  const [nothing, command, option, novalue, novariant, number] = await Promise.all([
    run([]),
    run(['sned', 'github/push']),
    run(['dev', '--prot', '4400']),
    run(['dev', '--port']),
    run(['tail', '--follow=yes']),
    run(['dev', '--port', '70000']),
  ]);

  assert.deepEqual(
    [nothing, command, option, novalue, novariant, number].map(({ code }) => code),
    [2, 2, 2, 2, 2, 2],
  );
  assert.match(command.err, /unknown command 'sned'; did you mean 'send'\?/);
  assert.match(option.err, /unknown option '--prot'; did you mean '--port'\?/);
  assert.match(novalue.err, /--port needs a value/);
  assert.match(novariant.err, /--follow takes no value/);
  assert.match(number.err, /--port must be an integer from 0 to 65535, found '70000'/);
  for (const { err } of [command, option, novalue]) assert.doesNotMatch(err, /\n\s+at /);
});

test('cli: an option followed by another is told as one without a value', async (t) => {
  const { run } = cliScene(t);

  const { code, err } = await run(['dev', '--config', '--quiet']);

  assert.equal(code, 2, err);
  assert.match(err, /--config needs a value/);
});

test('cli: a word that a command does not take is wrong use', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);

  const results = await Promise.all([
    run(['match', 'router.json'], ''),
    run(['tail', '20']),
    run(['dev', 'router.json']),
    run(['failures', 'main']),
    run(['quickstart', 'now']),
    run(['send', 'hooks/push', 'hooks/star']),
    run(['normalize', 'github', 'push.json'], '{}'),
  ]);

  assert.deepEqual(
    results.map(({ code }) => code),
    results.map(() => 2),
    results.map(({ err }) => err).join(''),
  );
});

test('cli: a document that is not there, or has mistakes, is told with what to do', async (t) => {
  const { run, write } = cliScene(t);
  write('bad.json', { sources: { a: { use: 'gihtub' } }, rules: [{ name: 'x y', when: {}, to: { lgo: {} } }] });
  write('broken.json', '{"rules":');
  write('plain.ts', 'export const a = 1;\n');

  const [absent, bad, broken, plain] = await Promise.all([
    run(['match', '--config', 'nowhere.json'], ''),
    run(['match', '--config', 'bad.json'], ''),
    run(['match', '--config', 'broken.json'], ''),
    run(['match', '--config', 'plain.ts'], ''),
  ]);

  assert.deepEqual(
    [absent, bad, broken, plain].map(({ code }) => code),
    [1, 1, 1, 1],
  );
  assert.match(absent.err, /there is no router document at nowhere\.json/);
  for (const word of [/did you mean 'github'/, /rules\[0\]\.name/, /did you mean 'log'/]) assert.match(bad.err, word);
  assert.match(broken.err, /broken\.json/);
  assert.match(plain.err, /has no default export/);
});

test('cli: quickstart shows each step and leaves nothing behind', async (t) => {
  const temp = mkdtempSync(join(tmpdir(), 'busway-qs-'));
  t.after(() => rmSync(temp, { recursive: true, force: true }));
  const work = join(temp, 'work');
  const { mkdirSync } = await import('node:fs');
  mkdirSync(work);

  const { code, out, err } = await runCli(['quickstart'], { cwd: work, env: { TMPDIR: temp } });

  assert.deepEqual([code, err], [0, ''], out);
  for (const step of [/^1\. /m, /^2\. /m, /^3\. a forged/m, /^4\. /m, /^5\. /m, /^6\. .*nearly/m])
    assert.match(out, step);
  assert.match(out, /answer: 202 \{"accepted":\["/);
  assert.match(out, /answer: 401 .*SIGNATURE_INVALID/);
  assert.match(out, /the target got 2 CloudEvents/);
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, explained] = /says why, and what was likely meant:\n\n```\n([\s\S]*?)```/.exec(readme) ?? [];
  const shown = out.replaceAll(/^ {3}/gm, '');
  assert.ok(explained !== undefined && shown.includes(explained), `the README shows what quickstart explains:\n${out}`);
  assert.deepEqual(readdirSync(work), []);
  assert.deepEqual(readdirSync(temp), ['work']);
});

test('match: a thousand events give a line each, in order, with the rules in document order', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);
  const lines = Array.from({ length: 1_000 }, (_, i) =>
    event(String(i), i % 2 === 0 ? { type: 'com.github.push', subject: 'refs/heads/main' } : { data: { n: i } }),
  );

  const { code, out, err } = await run(['match', '--config', 'router.json'], `${lines.join('\n')}\n`);

  assert.deepEqual([code, err], [0, '']);
  const got = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; rules: string[] });
  const due = lines.map((_, i) => ({
    id: String(i),
    rules: i % 2 === 0 ? ['all-pushes', 'main'] : i > 500 ? ['big'] : [],
  }));
  assert.deepEqual(got, due);
});

test('match: a line that is no event gets an error in its place, and the exit code says so', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const input = [event('1'), 'no json', '{"id":1}', `{"specversion":${deep}}`, event('2')].join('\r\n');

  const { code, out } = await run(['match', '--config', 'router.json'], input);

  const got = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string | null; error?: { code: string } });
  assert.equal(code, 1);
  assert.deepEqual(
    got.map(({ id, error }) => error?.code ?? id),
    ['1', 'NOT_JSON', 'SPECVERSION_UNSUPPORTED', 'SPECVERSION_UNSUPPORTED', '2'].map((due, i) =>
      i === 2 ? 'EVENT_INVALID' : due,
    ),
  );
});

const pushBody =
  '{"ref":"refs/heads/main","n":1.10,"repository":{"full_name":"o/r","html_url":"https://github.com/o/r"}}';

test('normalize: github gives the same event for headers as JSON and as lines', async (t) => {
  const { run, write } = cliScene(t);
  write('headers.json', { 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': 'd-1', 'Content-Type': 'application/json' });
  write('headers.txt', 'X-GitHub-Event: push\r\nx-github-delivery: d-1\nContent-Type: application/json\n');

  const asJson = await run(['normalize', 'github', '--headers', 'headers.json'], pushBody);
  const asLines = await run(['normalize', 'github', '--headers', 'headers.txt'], pushBody);

  assert.deepEqual([asJson.code, asJson.err], [0, '']);
  assert.equal(asJson.out, asLines.out);
  const { id, type, data } = JSON.parse(asJson.out) as { id: string; type: string; data: unknown };
  assert.deepEqual([id, type, data], ['d-1', 'com.github.push', JSON.parse(pushBody)]);
  assert.match(asJson.out, /"n":1\.10,/);
  assert.equal(asJson.out.split('\n').length, 2);
});

test('normalize: its output is what match reads, also when the body has many lines', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', document);
  write('h.txt', 'X-GitHub-Event: push\nX-GitHub-Delivery: d-1\nContent-Type: application/json\n');
  const body = JSON.stringify(JSON.parse(pushBody), null, 2).replaceAll('\n', '\r\n');

  const normalized = await run(['normalize', 'hooks', '--config', 'router.json', '--headers', 'h.txt'], body);
  const matched = await run(['match', '--config', 'router.json'], normalized.out);

  assert.equal(normalized.code, 0, normalized.err);
  assert.equal(matched.out, '{"id":"d-1","rules":["all-pushes","main"]}\n');
});

test('normalize: what cannot become an event is a refusal on stderr', async (t) => {
  const { run, write } = cliScene(t);
  write('h.txt', 'X-GitHub-Event: push\nX-GitHub-Delivery: d-1\nContent-Type: application/json\n');
  write('torn.txt', 'X-GitHub-Event push\n');

  const [noJson, forged, torn, kind, options] = await Promise.all([
    run(['normalize', 'github', '--headers', 'h.txt'], '{"ref":'),
    run(['normalize', 'github', '--headers', 'h.txt', '--secret', 's'], pushBody),
    run(['normalize', 'github', '--headers', 'torn.txt'], pushBody),
    run(['normalize', 'gihtub'], pushBody),
    run(['normalize', 'hmac'], pushBody),
  ]);

  assert.deepEqual([noJson.code, noJson.out], [1, '']);
  assert.deepEqual(JSON.parse(noJson.err).line, 1);
  assert.equal(JSON.parse(noJson.err).code, 'NOT_JSON');
  assert.equal(JSON.parse(forged.err).code, 'SIGNATURE_MISSING');
  assert.equal(forged.code, 1);
  assert.deepEqual([torn.code, kind.code, options.code], [2, 2, 2]);
  assert.match(kind.err, /did you mean 'github'/);
});
