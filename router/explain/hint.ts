// What could have been meant where a clause does not hold.

export interface Hint {
  /** One sentence that a person can act on. */
  readonly says: string;
  /** 0 to 1: how likely this is what went wrong, and so how near the event came. */
  readonly closeness: number;
}

/** The likelier one; the first of equals. */
export function likelier(a: Hint | undefined, b: Hint | undefined): Hint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.closeness > a.closeness ? b : a;
}
