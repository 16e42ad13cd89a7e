// Lint by meaning, over all rules of a document: what is well-formed and still not what was meant. Says nothing it cannot
// prove: a rule that is called dead never matches, one that is called covered never adds an event. Pure.
// Rules whose condition is no pattern are passed over.

import type { Pattern } from '../pattern.ts';
import { type Compared, compareRules } from './compare.ts';
import { complexityOf, lintComplexity } from './complexity.ts';
import { type Intake, lintCycles } from './cycle.ts';
import type { JsonSchema } from './field.ts';
import type { Finding } from './finding.ts';
import { alwaysMatches, neverMatches } from './normal-form.ts';
import { lintPattern } from './rule.ts';

/** What lint reads of a router/rule.ts Rule. */
export interface LintRule {
  readonly name: string;
  readonly when: { readonly kind: string };
  readonly to: Compared['to'] & { readonly kind: string; readonly options: Readonly<Record<string, unknown>> };
}

export interface LintOptions {
  /** A schema of the data of all events; without one, data is open. Taken at its word. */
  readonly data?: JsonSchema;
  /** The document's sources: without them no cycle is looked for. */
  readonly sources?: Intake['sources'];
  /** The port the router listens on, if it is known. */
  readonly port?: number;
  /** Most prefixes of wildcards that one value may keep alive in a field; without it, far too many are a note. */
  readonly maxComplexity?: number;
}

function patternOf(when: LintRule['when']): Pattern | undefined {
  return when.kind === 'fields' ? (when as Pattern) : undefined;
}

/** Findings in the order of the rules. `sources` and `rules` of a checked document fit. */
export function lintRules(rules: readonly LintRule[], options: LintOptions = {}): readonly Finding[] {
  const { data, sources = [], port, maxComplexity } = options;
  const patterns = rules.flatMap(({ name, when, to }) => {
    const pattern = patternOf(when);
    return pattern === undefined ? [] : [{ name, to, when: pattern }];
  });
  const linted = patterns.map(({ name, to, when }) => ({ name, to, ...lintPattern(name, when, data) }));
  const comparable = linted.filter(({ form }) => !neverMatches(form) && !alwaysMatches(form));
  const findings = [
    ...linted.flatMap(({ findings }) => findings),
    ...compareRules(comparable),
    ...lintCycles(linted, { sources, ...(port === undefined ? {} : { port }) }),
    ...lintComplexity(complexityOf(patterns), maxComplexity),
  ];
  const order = new Map(rules.map(({ name }, i) => [name, i]));
  return findings.sort((a, b) => order.get(a.rule)! - order.get(b.rule)!);
}
