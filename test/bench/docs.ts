// docs/benchmarks.md: a section for each bench with its newest rows, the machine and the date. Sections of benches that
// were not run stay as they are.

import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { kafkaVersion } from '../../local/kafka/runtime.ts';
import type { Bench, Row } from './bench.ts';

const file = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));

const HEAD = `# Benchmarks

Written by \`npm run bench\`. Each row is a ratio of two contestants that run side by side on one machine, in windows that
take turns A B B A; a window goes from idle to idle, and what counts is the CPU time (user and system) of the measured
process per event. Shown are the median of the rounds and their full range; a row whose range is over 25 % of its median is
repeated up to three times while there is time, and is called noisy if that did not help. A row is thrown away when an
acknowledged event is missing, when an answer is not 2xx, when the two contestants make different events of the same
requests, or when a figure is under what the work physically takes. Rows where the router loses stay in the table.

Absolute figures belong to the machine they were measured on; only ratios compare.
`;

export async function machineFacts(): Promise<string> {
  const [cpu] = cpus();
  const gb = Math.round(totalmem() / 2 ** 30);
  return [
    new Date().toISOString().slice(0, 16).replace('T', ' '),
    `${availableParallelism()} cores, ${cpu?.model.trim() ?? 'unknown'}, ${gb} GB, ${process.platform} ${process.arch}`,
    `Node ${process.versions.node}, SQLite ${process.versions['sqlite']}, Kafka ${kafkaVersion}`,
    `load average before ${loadavg()[0]!.toFixed(1)}`,
  ].join(' · ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function tableLine(row: Row): string {
  if ('notRun' in row) return `| ${cell(row.row)} | – | – | not run | – | ${cell(row.notRun)} |`;
  const { ratio, target, met, rangePct, noisy, says } = row;
  const verdict = met === null ? '–' : met ? 'met' : '**missed**';
  const range = `${rangePct.toFixed(0)} %${noisy ? ', noisy' : ''}`;
  return `| ${cell(row.row)} | ${ratio.toFixed(3)} | ${target ?? '–'} | ${verdict} | ${range} | ${cell(says)} |`;
}

export function sectionOf(bench: Bench, rows: readonly Row[], facts: string): string {
  const lines = rows.map(tableLine).join('\n');
  const head = '| row | ratio | target | verdict | range | detail |\n|---|---|---|---|---|---|';
  return `## ${bench.title}\n\n${bench.says}\n\n${facts}\n\n${head}\n${lines}\n`;
}

/** The document with this section in place of its older one, or at the end. */
export function withSection(text: string, section: string): string {
  const [, ...sections] = text.split(/^(?=## )/m);
  const title = section.slice(0, section.indexOf('\n'));
  const at = sections.findIndex((old) => old.startsWith(`${title}\n`));
  const all = sections.map((old) => `${old.trimEnd()}\n`);
  if (at < 0) all.push(section);
  else all[at] = section;
  return [HEAD, ...all].join('\n');
}

export async function saveSection(bench: Bench, rows: readonly Row[], facts: string): Promise<void> {
  const old = await readFile(file, 'utf8').catch(() => HEAD);
  await writeFile(file, withSection(old, sectionOf(bench, rows, facts)));
}
