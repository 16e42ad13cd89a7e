// busway convert as a user runs it: results on stdout, what was lost on stderr, exit codes, wrong use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cliScene } from '../../harness/cli.ts';

const instances = '{"source":["aws.ec2"],"detail-type":["State change"],"detail":{"state":["stopped"]}}';

test('convert: an exact conversion prints the result alone, from a file or stdin', async (t) => {
  const { run, write } = cliScene(t);
  write('rule.json', `${instances}\n`);
  const to = (dialect: string) => ['convert', '--from', 'eventbridge', '--to', dialect];

  const [file, stdin, dash, cesql, string] = await Promise.all([
    run([...to('busway'), 'rule.json']),
    run(to('busway'), instances),
    run([...to('busway'), '-'], instances),
    run(['convert', '--from', 'cesql', '--to', 'subscriptions'], "type LIKE 'com.%'\n  AND source = '/s'\n"),
    run(['convert', '--from', 'busway', '--to', 'busway'], '"EXISTS subject"'),
  ]);

  const due = '{"source":["aws.ec2"],"type":["State change"],"data":{"state":["stopped"]}}\n';
  assert.deepEqual(file, { code: 0, out: due, err: '' });
  assert.deepEqual([stdin, dash], [file, file]);
  assert.deepEqual(cesql, { code: 0, out: '[{"prefix":{"type":"com."}},{"exact":{"source":"/s"}}]\n', err: '' });
  assert.deepEqual(string, { code: 0, out: '{"subject":[{"exists":true}]}\n', err: '' });
});

test('convert: what is lost is told on stderr with its path, and the exit code is 1', async (t) => {
  const { run } = cliScene(t);

  const [some, nothing, lines] = await Promise.all([
    run(['convert', '--from', 'eventbridge', '--to', 'cesql'], instances),
    run(['convert', '--from', 'busway', '--to', 'cesql'], '{"data":{"total":[{"numeric":[">",100]}]}}'),
    run(['convert', '--from', 'cesql', '--to', 'busway'], "type LIKE 'a\n_'"),
  ]);

  assert.deepEqual(some, {
    code: 1,
    out: "source = 'aws.ec2' AND type = 'State change'\n",
    err: 'lossy: detail.state: ["stopped"] because only attributes can be asked about; wider: any data is taken\n',
  });
  assert.deepEqual([nothing.code, nothing.out], [1, '']);
  assert.match(lines.err, /^lossy: type: type LIKE 'a _' because .*\n$/);
  assert.match(
    nothing.err,
    /^lossy: data\.total: \[\{"numeric":\[">",100\]\}\] because .*\nnothing is left to ask for: .*\n$/,
  );
});

test('convert: --json gives the result as a value and the lossy clauses, in one line', async (t) => {
  const { run } = cliScene(t);
  const from = (dialect: string) => ['convert', '--from', 'busway', '--json', '--to', dialect];

  const [pattern, cesql, lost] = await Promise.all([
    run(from('eventbridge'), '{"type":["a"],"data":{"n":[9007199254740993]}}'),
    run(from('cesql'), '{"type":["it\'s"],"flag":[true]}'),
    run(from('subscriptions'), '{"data":{"n":[1]}}'),
  ]);

  assert.equal(pattern.out, '{"result":{"detail-type":["a"],"detail":{"n":[9007199254740993]}},"lossy":[]}\n');
  assert.deepEqual(JSON.parse(cesql.out), {
    result: "type = \"it's\" AND EXISTS flag AND flag = 'true'",
    lossy: [
      {
        path: 'flag',
        clause: '[true]',
        why: 'types are not told apart there; wider: the text "true" is taken as true is',
      },
    ],
  });
  assert.equal(cesql.err, '');
  assert.equal((JSON.parse(lost.out) as { result: unknown }).result, null);
  assert.deepEqual([pattern.code, cesql.code, lost.code], [0, 1, 1]);
});

test('convert: --sql lets filters say what only CESQL can', async (t) => {
  const { run } = cliScene(t);
  const pattern = '{"type":[{"wildcard":"com.*.created"}],"subject":[{"exists":true}]}';

  const [plain, sql] = await Promise.all([
    run(['convert', '--from', 'busway', '--to', 'subscriptions'], pattern),
    run(['convert', '--from', 'busway', '--to', 'subscriptions', '--sql'], pattern),
  ]);

  assert.equal(plain.code, 1);
  assert.equal(plain.out, '[{"prefix":{"type":"com."}},{"suffix":{"type":".created"}}]\n');
  assert.deepEqual(sql, { code: 0, out: `[{"sql":"type LIKE 'com.%.created'"},{"sql":"EXISTS subject"}]\n`, err: '' });
});

test('convert: wrong use and what is no condition end with exit code 2 and the message of the reader', async (t) => {
  const { run } = cliScene(t);
  const convert = (from: string, to: string) => ['convert', '--from', from, '--to', to];

  const results = await Promise.all([
    run(['convert', '--to', 'cesql'], '{}'),
    run(convert('event-bridge', 'cesql'), '{}'),
    run(convert('cesql', 'knative'), 'TRUE'),
    run(convert('cesql', 'busway'), 'type == 1'),
    run(convert('busway', 'cesql'), '{"type":"a"}'),
    run(convert('busway', 'cesql'), '{"type":["a"],"type":["b"]}'),
    run(convert('subscriptions', 'cesql'), '[{"exakt":{"type":"a"}}]'),
    run(convert('eventbridge', 'cesql'), '{"a"'),
    run([...convert('cesql', 'busway'), 'nowhere.txt']),
    run([...convert('cesql', 'busway'), 'a', 'b']),
  ]);

  assert.deepEqual(
    results.map(({ code, out }) => [code, out]),
    results.map(() => [2, '']),
  );
  const due = [
    /name a dialect with --from: busway, eventbridge, subscriptions, cesql/,
    /--from: unknown dialect 'event-bridge'; did you mean 'eventbridge'\?/,
    /--to: unknown dialect 'knative'; allowed: busway/,
    /stdin is no cesql condition: cesql: column 6: '==' is not CESQL; write =/,
    /stdin is no busway condition: type: must be a list of alternatives .* write \["a"\]/,
    /type: is written twice/,
    /subscription filters: filters\[0\]: unknown dialect 'exakt'; did you mean 'exact'\?/,
    /stdin is no eventbridge condition: .*JSON/,
    /nowhere\.txt cannot be read/,
    /one word too many/,
  ];
  for (const [i, says] of due.entries()) assert.match(results[i]!.err, says);
});
