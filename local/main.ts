// The command line: finds the command, gives it the world, turns what it throws into a message and an exit code. The only
// file of local/ that reads process.env.

import { randomBytes } from 'node:crypto';
import { unknownName } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';
import { type Command, helpOf, type Io, readArgs } from './command.ts';
import { commands } from './commands.ts';

function helpOfAll(): string {
  const rows = Object.values(commands).map((known) => `  ${known.name.padEnd(12)} ${known.says}`);
  return [
    'busway <command> [options]',
    '',
    'commands',
    ...rows,
    '',
    'example',
    '  busway quickstart',
    '',
    'busway <command> --help tells more',
  ].join('\n');
}

async function find(name: string): Promise<Command> {
  const known = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (known === undefined)
    throw new RouterError('USAGE', `busway: ${unknownName('command', name, Object.keys(commands))}`);
  return known.load();
}

async function run(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.out(helpOfAll());
    return name === undefined ? 2 : 0;
  }
  const command = await find(name);
  const args = readArgs(command, rest);
  if (!args.help) return command.run(args, io);
  io.out(helpOf(command));
  return 0;
}

function explainThrown(thrown: unknown, io: Io): number {
  if (thrown instanceof RouterError) {
    io.err(`${thrown.message} (${thrown.code})`);
    return thrown.code === 'USAGE' ? 2 : 1;
  }
  io.err(`busway broke: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  return 1;
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  // A reader such as `head` may go away; that ends us quietly.
  process.stdout.on('error', () => process.exit(0));
  const io: Io = {
    env: (name) => process.env[name],
    cwd: process.cwd(),
    stdin: process.stdin,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    now: Date.now,
    random: Math.random,
    randomBytes,
    signal: stop.signal,
  };
  try {
    process.exitCode = await run(process.argv.slice(2), io);
  } catch (thrown) {
    process.exitCode = explainThrown(thrown, io);
  }
}

await main();
