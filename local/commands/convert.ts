// busway convert: a rule condition from one dialect into another. Never narrower; what was widened is told on stderr.

import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { unknownName } from '../../router/config.ts';
import {
  type Condition,
  convertCondition,
  type Dialect,
  dialects,
  readCondition,
} from '../../router/dialect/convert.ts';
import type { Lossy } from '../../router/dialect/lossy.ts';
import { toRouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { readAll } from '../lines.ts';

function isDialect(name: string): name is Dialect {
  return dialects.some((dialect) => dialect === name);
}

function dialectOf(option: 'from' | 'to', args: Args): Dialect {
  const name = args.string(option);
  if (name === undefined) throw usage(`busway convert: name a dialect with --${option}: ${dialects.join(', ')}`);
  if (isDialect(name)) return name;
  throw usage(`busway convert: --${option}: ${unknownName('dialect', name, dialects)}`);
}

async function readText(file: string | undefined, io: Io): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = file === undefined || file === '-' ? await readAll(io.stdin) : await readFile(resolve(io.cwd, file));
  } catch {
    throw usage(`busway convert: ${file} cannot be read; name a file with one condition, or leave it out for stdin`);
  }
  if (!isUtf8(bytes)) throw usage(`busway convert: ${file ?? 'stdin'} is not UTF-8`);
  return bytes.toString('utf8');
}

function read(from: Dialect, text: string, file: string | undefined): Condition {
  try {
    return readCondition(from, text);
  } catch (thrown) {
    // Exit code 1 says that something was lost; what is no condition is wrong use.
    throw usage(`busway convert: ${file ?? 'stdin'} is no ${from} condition: ${toRouterError(thrown).message}`);
  }
}

function lossyText({ path, clause, why }: Lossy): string {
  // Names and texts come as they are written, and a line end in one would make two lines.
  return `lossy: ${path}: ${clause} because ${why}`.replace(/[\x00-\x1f\x7f\u0085\u2028\u2029]/g, ' ');
}

async function run(args: Args, io: Io): Promise<number> {
  const [from, to] = [dialectOf('from', args), dialectOf('to', args)];
  const [file] = args.words;
  const condition = read(from, await readText(file, io), file);
  const { result, lossy } = convertCondition(condition, to, { sql: args.flag('sql') });
  if (args.flag('json')) {
    const value = result === undefined ? 'null' : to === 'cesql' ? JSON.stringify(result) : result;
    io.out(`{"result":${value},"lossy":${JSON.stringify(lossy)}}`);
  } else {
    if (result !== undefined) io.out(result);
    for (const one of lossy) io.err(lossyText(one));
    if (result === undefined)
      io.err('nothing is left to ask for: the result would take every event, so none is printed');
  }
  return lossy.length === 0 ? 0 : 1;
}

export const convert: Command = {
  name: 'convert',
  usage: 'convert --from DIALECT --to DIALECT [FILE] [--sql] [--json]',
  says:
    'Converts the condition of a rule: busway (a pattern over CloudEvents, or CESQL as a JSON string), eventbridge (a\n' +
    "pattern for EventBridge's own envelope), subscriptions (filters of the CloudEvents Subscriptions API) and cesql.\n" +
    'Reads FILE or stdin. The result takes the same events, or more: then each clause that could not be carried over is\n' +
    'told on stderr, and the exit code is 1.',
  example: `echo "type LIKE 'com.github.%'" | busway convert --from cesql --to busway`,
  options: {
    from: { type: 'string', value: 'DIALECT', says: `the dialect of FILE: ${dialects.join(', ')}` },
    to: { type: 'string', value: 'DIALECT', says: 'the dialect to convert to' },
    sql: { type: 'boolean', says: 'subscriptions: use their optional sql dialect where the others cannot say it' },
    json: shared.json,
  },
  words: 1,
  run,
};
