// The generated parts of the README, from the registries and the adapters themselves.

import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Adapter } from '../../adapters/adapter.ts';
import { buses } from '../../adapters/registry.ts';
import { sources } from '../../functions/sources/registry.ts';
import { targets } from '../../functions/targets/registry.ts';
import { type Kind, type OptionTable, optionDefaults } from '../../router/config.ts';

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
};
const idleOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  eventbridge: { bus: 'example' },
  pubsub: { topic: 'example' },
};

/** Opens an adapter without connecting to anything. */
async function openIdle(name: string): Promise<Adapter> {
  const kind = buses[name]!;
  const module = await kind.load();
  const dataDir = join(tmpdir(), `busway-readme-${process.pid}`);
  const options = { ...optionDefaults(kind.options), ...idleOptions[name] };
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
  return withPart(withPart(text, 'buses', await busTable()), 'kinds', kindTable());
}
