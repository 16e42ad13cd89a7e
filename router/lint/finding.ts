// What lint has to say about a rule, and its one line of text. A finding is a proof, never a guess; it repeats names and
// tests of the pattern, never a secret or a whole url.

export type FindingKind =
  | 'never-matches'
  | 'always-matches'
  | 'matches-everything-listed'
  | 'duplicate'
  | 'shadowed'
  | 'type-mismatch'
  | 'cycle'
  /** What a bus would refuse, or is not known to take. */
  | 'bus'
  | 'complexity'
  /** Too many rules to compare each with each. */
  | 'not-compared';

/** error: the rule cannot do what it is there for. warning: most likely a mistake. note: may well be meant. */
export type FindingLevel = 'error' | 'warning' | 'note';

export interface Finding {
  readonly rule: string;
  readonly kind: FindingKind;
  readonly level: FindingLevel;
  /** Where in the rule: 'when', 'when.type[1]', 'to.http.url'. */
  readonly at: string;
  readonly says: string;
  readonly fix: string;
}

/** "error: rule 'r': when.type[1] never matches: …; write …" */
export function findingText({ rule, level, at, says, fix }: Finding): string {
  const text = `${level}: rule '${rule}': ${at} ${says}; ${fix}`;
  // Names of fields come as they are written, and a line end in one would make two lines.
  return text.replace(/[\x00-\x1f\x7f\u0085\u2028\u2029]/g, ' ');
}
