// The adapter laws as a table: a row a law, a column a bus, each a pass, a failure, or a number under which the reason stands
// why it does not apply. Exits with 1 when a law fails. Run: npx node test/contract/table.ts [--write]

import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writePart } from '../harness/readme.ts';
import { type AdapterLaw, adapterLaws } from './adapter-harness.ts';

const files = ['embedded', 'kafka', 'eventbridge', 'pubsub', 'eventgrid'].map((bus) =>
  fileURLToPath(new URL(`../adapters/${bus}/contract.test.ts`, import.meta.url)),
);

export interface Verdict {
  readonly suite: string;
  readonly law: string;
  readonly result: 'pass' | 'fail' | { readonly skipped: string };
}

const laws: ReadonlySet<string> = new Set(Object.values(adapterLaws));
const OTHER_KIND = 'a law of buses that deliver in another way';

/** 'eventgrid, namespace: an empty batch makes no call' → its two parts; undefined for what is no law. */
function partsOf(name: string): { suite: string; law: string } | undefined {
  const at = name.indexOf(': ');
  const law = name.slice(at + 2);
  return at > 0 && laws.has(law) ? { suite: name.slice(0, at), law } : undefined;
}

export async function judge(): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for await (const { type, data } of run({ files, concurrency: 2 })) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const parts = partsOf(data.name);
    if (parts === undefined) continue;
    const { skip } = data;
    const skipped = skip === undefined || skip === false ? undefined : typeof skip === 'string' ? skip : 'skipped';
    verdicts.push({ ...parts, result: skipped === undefined ? (type === 'test:pass' ? 'pass' : 'fail') : { skipped } });
  }
  return verdicts;
}

/** Lines of Markdown: the table and, below it, the reasons. */
export function tableOf(verdicts: readonly Verdict[]): readonly string[] {
  const suites = [...new Set(verdicts.map(({ suite }) => suite))];
  const reasons: string[] = [];
  const mark = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return String(reasons.indexOf(reason) + 1);
  };
  const cell = (suite: string, law: AdapterLaw): string => {
    const found = verdicts.find((one) => one.suite === suite && one.law === adapterLaws[law]);
    if (found === undefined) return mark(OTHER_KIND);
    const { result } = found;
    return typeof result === 'string' ? result : mark(result.skipped);
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = (Object.keys(adapterLaws) as AdapterLaw[]).map((law) =>
    row([adapterLaws[law], ...suites.map((suite) => cell(suite, law))]),
  );
  return [
    row(['law', ...suites]),
    row(['law', ...suites].map(() => '---')),
    ...rows,
    '',
    ...reasons.map((reason, i) => `${i + 1}. ${reason}`),
  ];
}

if (import.meta.main) {
  const verdicts = await judge();
  const table = tableOf(verdicts);
  process.stdout.write(`${table.join('\n')}\n`);
  if (process.argv.includes('--write')) await writePart('docs/buses.md', 'laws', table);
  process.exitCode = verdicts.length === 0 || verdicts.some(({ result }) => result === 'fail') ? 1 : 0;
}
