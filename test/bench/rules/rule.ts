// A rule of a bench as both engines get it: a name and the text of its pattern.

export interface Rule {
  readonly name: string;
  readonly pattern: string;
}

/** What one process is measured with. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  /** JSON texts. */
  readonly events: readonly string[];
}

export function ruleOf(number: number, pattern: unknown): Rule {
  return { name: `r${number}`, pattern: JSON.stringify(pattern) };
}
