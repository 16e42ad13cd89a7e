// One list for all that plan has to say: mistakes of the document, lint, limits, what a bus cannot do. Pure. What it repeats
// are names and tests of the document, never a secret, a whole url or a payload.

import type { Finding } from '../../router/lint/finding.ts';

export interface PlanFinding {
  /** error: exit code 1. warning: most likely a mistake. note: good to know. */
  readonly level: Finding['level'];
  readonly kind: Finding['kind'] | 'document' | 'limit' | 'wider' | 'order' | 'retry' | 'setting' | 'functions';
  /** "rules[3] 'big-orders' when.type[1]", or a path of the document. */
  readonly at: string;
  readonly says: string;
  readonly fix?: string;
}
