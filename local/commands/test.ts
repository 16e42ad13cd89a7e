// busway test: what is wrong with the rules by their meaning, and whether they take the events they are meant to take.
// Reads no secret, opens no bus and no target.

import { type Complexity, complexityOf, scoreText } from '../../router/lint/complexity.ts';
import { type Finding, findingText } from '../../router/lint/finding.ts';
import { lintRules } from '../../router/lint/rules.ts';
import { failureText, type RuleTestResult, runRuleTests } from '../../router/run-rule-tests.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { loadRuleTests } from '../rule-test-files.ts';

interface Ran {
  readonly file: string;
  readonly result: RuleTestResult;
}

interface Found {
  readonly findings: readonly Finding[];
  readonly complexity: Complexity;
  readonly ran: readonly Ran[];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function resultText({ file, result }: Ran): string {
  if (result.ok) return `ok    ${result.name}`;
  return `FAIL  ${result.name} (${file})\n${failureText(result).replace(/^/gm, '      ')}`;
}

function complexityText({ rules, alternatives, fields, wildcards: [most] }: Complexity): string {
  const counts = [counted(rules, 'rule'), counted(alternatives, 'alternative'), counted(fields, 'field')].join(', ');
  if (most === undefined) return `complexity: ${counts}, no wildcards`;
  return `complexity: ${counts}, wildcard complexity ${scoreText(most)} at ${most.field}`;
}

function summary({ findings, ran }: Found): string {
  const failed = ran.filter(({ result }) => !result.ok).length;
  const of = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  const lint = `lint: ${counted(of('error'), 'error')}, ${counted(of('warning'), 'warning')}, ${counted(of('note'), 'note')}`;
  return `${counted(ran.length, 'rule test')}: ${ran.length - failed} passed, ${failed} failed; ${lint}`;
}

function printForMachines({ findings, complexity, ran }: Found, io: Io): void {
  for (const finding of findings) io.out(JSON.stringify({ finding }));
  for (const { file, result } of ran) {
    const { name, ok, expected, matched, missing } = result;
    io.out(JSON.stringify({ test: { name, file, ok, expected, matched, ...(ok ? {} : { missing }) } }));
  }
  io.out(JSON.stringify({ complexity }));
}

function printForPeople(found: Found, io: Io): void {
  const { findings, complexity, ran } = found;
  for (const finding of findings) io.out(findingText(finding));
  for (const one of ran) io.out(resultText(one));
  io.out(complexityText(complexity));
  io.out(summary(found));
  if (ran.length > 0) return;
  io.err(
    "there are no rule tests yet: write them under 'tests', or in a file beside the document such as router.rules.test.ts",
  );
}

/** Undefined without the option: then nothing is refused. */
function maxComplexityOf(args: Args): number | undefined {
  if (args.string('max-complexity') === undefined) return undefined;
  return args.integer('max-complexity', { default: 0, min: 0, max: 1_000_000_000 });
}

async function run(args: Args, io: Io): Promise<number> {
  const maxComplexity = maxComplexityOf(args);
  const loaded = await loadDocument(args.string('config') ?? 'infra/router.ts', io.cwd);
  const { rules, sources } = loaded.document;
  const findings = lintRules(rules, { sources, ...(maxComplexity === undefined ? {} : { maxComplexity }) });
  const files = await loadRuleTests(loaded);
  const ran = files.flatMap(({ name, tests }) => runRuleTests(tests, rules).map((result) => ({ file: name, result })));
  const print = args.flag('json') ? printForMachines : printForPeople;
  print({ findings, complexity: complexityOf(rules), ran }, io);
  const isGood = ran.every(({ result }) => result.ok) && !findings.some(({ level }) => level === 'error');
  return isGood ? 0 : 1;
}

export const test: Command = {
  name: 'test',
  usage: 'test [--config FILE] [--max-complexity N] [--json]',
  says:
    "Lints the rules by their meaning and runs the rule tests: the document's own `tests` and the *.rules.test.ts files\n" +
    'beside it. A test that fails says why. Exit code 1 for a failed test or a lint error; warnings and notes pass.',
  example: 'busway test --config infra/router.ts',
  options: {
    config: shared.config,
    'max-complexity': {
      type: 'string',
      value: 'N',
      says: 'refuse wildcards of which one value of a field keeps more than N prefixes alive',
    },
    json: shared.json,
  },
  run,
};
