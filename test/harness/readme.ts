// The generated parts of the README, from the registries and the adapters themselves.

import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapter } from '../../adapters/adapter.ts';
import { buses } from '../../adapters/registry.ts';
import { sources } from '../../functions/sources/registry.ts';
import { targets } from '../../functions/targets/registry.ts';
import { type Kind, type Options, type OptionTable, optionDefaults } from '../../router/config.ts';

const yes = (value: boolean): string => (value ? 'yes' : 'no');
const mib = (bytes: number): string => `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;

/** What each bus needs to be opened; nothing answers there. */
const idleEnv: Readonly<Record<string, string>> = {
  KAFKA_BROKERS: '127.0.0.1:1',
  AWS_REGION: 'us-east-1',
  GOOGLE_CLOUD_PROJECT: 'example',
  PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
  EVENTGRID_ENDPOINT: 'http://127.0.0.1:1',
  EVENTGRID_KEY: Buffer.from('no key').toString('base64'),
  FILES_LOGIN: `AccountName=files;AccountKey=${Buffer.from('no key').toString('base64')}`,
};
const idleOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  eventbridge: { bus: 'example' },
  pubsub: { topic: 'example' },
};

/** Opens an adapter without connecting to anything. */
export async function openIdle(name: string, more: Options = {}): Promise<Adapter> {
  const kind = buses[name]!;
  const module = await kind.load();
  const dataDir = join(tmpdir(), `busway-readme-${process.pid}`);
  const options = { ...optionDefaults(kind.options), ...idleOptions[name], ...more };
  return module.open(options, { dataDir, now: () => 0, env: (key) => idleEnv[key], onWarning: () => undefined });
}

export async function busTable(): Promise<string> {
  const rows = [
    '| bus | delivery | order per key | dedupes | replay | event up to | what it is |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const [name, kind] of Object.entries(buses)) {
    const adapter = await openIdle(name);
    const { delivery, order, dedupe, replay } = adapter.capabilities;
    const cells = [
      `\`${name}\``,
      delivery,
      yes(order),
      yes(dedupe),
      yes(replay),
      mib(adapter.limits.eventBytes),
      kind.says,
    ];
    rows.push(`| ${cells.join(' | ')} |`);
    await adapter.close();
  }
  return rows.join('\n');
}

interface Place {
  readonly bus: string;
  readonly says: string;
  /** Where its failures are kept, and what tells its variants apart. */
  readonly options?: Options;
  /** What `busway dev` makes, and what it prints for others to make; test/local/dev-*.test.ts hold it. */
  readonly setUp: string;
}

const container = { failures: 'http://127.0.0.1:1/files/failures', failuresLogin: 'FILES_LOGIN' };
const places: readonly Place[] = [
  { bus: 'embedded', says: '', setUp: 'makes its file' },
  { bus: 'kafka', says: '', setUp: 'starts a broker if none is named, makes topics' },
  {
    bus: 'eventbridge',
    says: '',
    options: { failures: 'https://sqs.eu-west-1.amazonaws.com/123456789012/failures' },
    setUp: 'nothing: rules come with a deployment',
  },
  { bus: 'eventgrid', says: ', custom topic', options: container, setUp: 'prints its event subscriptions' },
  {
    bus: 'eventgrid',
    says: ', namespace',
    options: { ...container, topic: 'example' },
    setUp: 'prints what event subscriptions are missing',
  },
  { bus: 'pubsub', says: '', setUp: 'makes topics and subscriptions on an emulator, prints what is missing elsewhere' },
];

/** What works from a laptop, told by the adapters themselves. */
export async function whereTable(): Promise<string> {
  const untold = Object.keys(buses).filter((name) => !places.some(({ bus }) => bus === name));
  if (untold.length > 0) throw new Error(`test/harness/readme.ts: say under 'places' where ${untold} runs`);
  const rows = ['| bus | `busway dev` | sets up | `tail` | `failures`, `redrive` |', '|---|---|---|---|---|'];
  for (const { bus, says, options, setUp } of places) {
    const { capabilities, tail, failures, close } = await openIdle(bus, options);
    const dev = capabilities.delivery === 'push' ? 'publishes; deliveries happen where it is deployed' : 'delivers';
    const kept = failures === undefined ? 'no' : options === undefined ? 'yes' : 'with `failures` set';
    rows.push(`| \`${bus}\`${says} | ${dev} | ${setUp} | ${yes(tail !== undefined)} | ${kept} |`);
    await close();
  }
  return rows.join('\n');
}

function optionsOf(table: OptionTable): string {
  const names = Object.entries(table).map(([name, option]) => `\`${name}${option.required === true ? '' : '?'}\``);
  return names.length === 0 ? '–' : names.join(', ');
}

export function kindTable(): string {
  const rows = ['| kind | options | what it is |', '|---|---|---|'];
  const add = (of: string, kinds: Readonly<Record<string, Kind<unknown>>>): void => {
    for (const [name, kind] of Object.entries(kinds))
      rows.push(`| ${of} \`${name}\` | ${optionsOf(kind.options)} | ${kind.says} |`);
  };
  add('source', sources);
  add('target', targets);
  return rows.join('\n');
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
export function withPart(text: string, name: string, part: string): string {
  const open = `<!-- ${name} -->\n`;
  const close = `<!-- /${name} -->`;
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`the document has no part '${name}'`);
  return `${text.slice(0, from + open.length)}${part}\n${text.slice(to)}`;
}

/** Writes a part of a document of this repository, such as a table that a run has made. */
export async function writePart(file: string, name: string, lines: readonly string[]): Promise<void> {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  await writeFile(path, withPart(await readFile(path, 'utf8'), name, lines.join('\n')));
}

export async function readmeWithParts(text: string): Promise<string> {
  const parts = { buses: await busTable(), where: await whereTable(), kinds: kindTable() };
  return Object.entries(parts).reduce((whole, [name, part]) => withPart(whole, name, part), text);
}
