// One rule, any bus, the same deliveries: publishes 1,000 mixed real events through every bus and personality that can be
// run here and prints what each rule was delivered. Exits with 1 when a column differs from what the rules say.
// Run: npx node test/e2e/parity.ts [--events 1000] [--seed 1] [--only NAME] [--write: the table, into docs/buses.md]

import { parseArgs } from 'node:util';
import { writePart } from '../harness/readme.ts';
import { type Column, embedded, kafka } from './parity/columns.ts';
import { eventbridge, ministack } from './parity/eventbridge.ts';
import { namespace } from './parity/eventgrid.ts';
import { mixedEvents } from './parity/events.ts';
import { personalities } from './parity/like.ts';
import { pstest, pubsub } from './parity/pubsub.ts';
import { customTopic } from './parity/pushed.ts';
import { parityDocument } from './parity/rules.ts';
import { type Deliveries, dueOf, type Router, type Scene } from './parity/scene.ts';

export const columns: readonly Column[] = [
  embedded,
  kafka,
  eventbridge,
  ministack,
  pubsub,
  pstest,
  customTopic,
  namespace,
  ...personalities,
];

export interface Ran {
  readonly column: Column;
  readonly router?: Router;
  /** Why it was not run. */
  readonly missing?: string;
  readonly differs: readonly string[];
  readonly tookMs: number;
}

/** Ids that are due and did not come, or came and are not due, rule by rule. */
export function differences(
  due: Deliveries,
  { delivered, failures }: Pick<Router, 'delivered' | 'failures'>,
): string[] {
  const says = [...due].flatMap(([rule, ids]) => {
    const got = delivered.get(rule) ?? new Map<string, number>();
    const lost = [...ids.keys()].filter((id) => !got.has(id));
    const besides = [...got.keys()].filter((id) => !ids.has(id));
    return [
      ...(lost.length > 0 ? [`${rule}: ${lost.length} lost, such as ${lost[0]}`] : []),
      ...(besides.length > 0 ? [`${rule}: ${besides.length} not due, such as ${besides[0]}`] : []),
    ];
  });
  return failures.length === 0 ? says : [...says, `${failures.length} failed: ${failures[0]!.reason}`];
}

export async function runColumn(column: Column, scene: Scene): Promise<Ran> {
  const startedAt = performance.now();
  const missing = await column.missing();
  if (missing !== undefined) return { column, missing, differs: [], tookMs: 0 };
  const router = await column.run(scene);
  const differs = differences(scene.due, router);
  return { column, router, differs, tookMs: Math.round(performance.now() - startedAt) };
}

export function sceneOf(count: number, seed: number): Scene {
  const document = parityDocument();
  const events = mixedEvents(count, seed);
  return { document, events, seed, due: dueOf(document, events) };
}

function again({ router }: Ran): number {
  const counts = [...(router?.delivered.values() ?? [])].flatMap((ids) => [...ids.values()]);
  return counts.reduce((sum, times) => sum + times - 1, 0);
}

/** Lines of a Markdown table: a row a rule, a column a bus. */
export function tableOf(scene: Scene, ran: readonly Ran[]): readonly string[] {
  const shown = ran.filter(({ router }) => router !== undefined);
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const head = ['rule', 'the rules say', ...shown.map(({ column }) => column.name)];
  return [
    row(head),
    row(head.map(() => '---')),
    row(['', '', ...shown.map(({ column }) => column.on)]),
    ...[...scene.due].map(([rule, ids]) =>
      row([`\`${rule}\``, ids.size, ...shown.map(({ router }) => router!.delivered.get(rule)?.size ?? 0)]),
    ),
    row(['delivered again', 0, ...shown.map(again)]),
  ];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const scene = sceneOf(Number(values.events), Number(values.seed));
  const ran: Ran[] = [];
  for (const column of columns) {
    if (values.only !== undefined && column.name !== values.only) continue;
    const one = await runColumn(column, scene);
    ran.push(one);
    const result = one.missing ?? (one.differs.length === 0 ? 'equal' : one.differs.join('; '));
    process.stderr.write(`${column.name} (${column.on}): ${result}, ${one.tookMs} ms\n`);
  }
  const table = tableOf(scene, ran);
  process.stdout.write(`${table.join('\n')}\n`);
  if (values.write) await writePart('docs/buses.md', 'parity', table);
  return ran.some(({ differs }) => differs.length > 0) ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main();
