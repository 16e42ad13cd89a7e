// What a command is, and how its line is read. Every command has --help with an example, and exit code 0, 1 or 2
// (ok / found a problem / wrong use).

import { parseArgs } from 'node:util';
import { unknownName } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';

export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** Shown in the help after the name, such as FILE. */
  readonly value?: string;
  readonly says: string;
}

export interface Args {
  readonly words: readonly string[];
  string(name: string): string | undefined;
  flag(name: string): boolean;
  /** An integer within bounds, or USAGE. */
  integer(name: string, bounds: { default: number; min: number; max: number }): number;
}

/** The world outside, so that commands are testable and read no global. */
export interface Io {
  readonly env: (name: string) => string | undefined;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream;
  /** One line on stdout. */
  readonly out: (line: string) => void;
  /** One line on stderr: progress, warnings, problems. */
  readonly err: (line: string) => void;
  readonly now: () => number;
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Command {
  readonly name: string;
  /** Without the program's name: 'send <source>/<event>' */
  readonly usage: string;
  readonly says: string;
  readonly example: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** How many words it takes besides its options; none unless told. */
  readonly words?: number;
  run(args: Args, io: Io): Promise<number>;
}

/** Options of more than one command. */
export const shared = {
  config: { type: 'string', value: 'FILE', says: 'the router document, .ts or .json (default infra/router.ts)' },
  data: { type: 'string', value: 'DIR', says: 'where state lies (default .busway)' },
  bus: { type: 'string', value: 'KIND', says: "use this bus instead of the document's" },
  json: { type: 'boolean', says: 'one JSON object a line, for machines' },
} as const satisfies Record<string, CommandOption>;

export function usage(message: string): RouterError {
  return new RouterError('USAGE', message);
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** `--config --quiet` is a slip, and `--config=--quiet` is meant. */
function checkGiven({ name }: Command, { rawName, value, inlineValue }: OptionToken): void {
  if (value === undefined || value === '') throw usage(`busway ${name}: ${rawName} needs a value`);
  if (!inlineValue && value.length > 1 && value.startsWith('-')) {
    throw usage(`busway ${name}: ${rawName} needs a value; write ${rawName}=${value} if it begins with a dash`);
  }
}

/** Throws USAGE for an unknown or incomplete option, with the nearest known name, and for a word too many. */
export function readArgs(command: Command, argv: readonly string[]): Args & { readonly help: boolean } {
  const options: Readonly<Record<string, CommandOption>> = {
    ...command.options,
    help: { type: 'boolean', short: 'h', says: 'this text' },
  };
  const known = Object.keys(options);
  const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const allowed = known.map((name) => `--${name}`);
      throw usage(`busway ${command.name}: ${unknownName('option', token.rawName, allowed)}`);
    }
    if (option.type === 'string') checkGiven(command, token);
    if (option.type === 'boolean' && token.value !== undefined) {
      throw usage(`busway ${command.name}: ${token.rawName} takes no value`);
    }
  }
  const extra = parsed.positionals[command.words ?? 0];
  if (extra !== undefined) {
    throw usage(`busway ${command.name}: '${extra.slice(0, 64)}' is one word too many; it is busway ${command.usage}`);
  }
  const values = parsed.values as Record<string, unknown>;
  const string = (name: string): string | undefined =>
    typeof values[name] === 'string' ? (values[name] as string) : undefined;
  return {
    words: parsed.positionals,
    help: values['help'] === true,
    string,
    flag: (name) => values[name] === true,
    integer(name, bounds) {
      const text = string(name);
      if (text === undefined) return bounds.default;
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      if (value >= bounds.min && value <= bounds.max) return value;
      throw usage(
        `busway ${command.name}: --${name} must be an integer from ${bounds.min} to ${bounds.max}, found '${text}'`,
      );
    },
  };
}

export function helpOf(command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]) => {
    const left = `--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
    return `  ${left.padEnd(20)} ${option.says}`;
  });
  const lines = [`busway ${command.usage}`, '', command.says, ''];
  if (rows.length > 0) lines.push('options', ...rows, '');
  lines.push('example', `  ${command.example}`);
  return lines.join('\n');
}
