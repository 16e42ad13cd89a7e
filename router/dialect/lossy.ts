// What a conversion between rule dialects gives. Nothing is dropped silently: a clause that the other dialect cannot say
// exactly is named, and the result then takes more events than the original there, never fewer.

export interface Lossy {
  /** The field or attribute; for a CESQL clause over several, its place in the text. */
  readonly path: string;
  /** The clause as it was written, cut where it is long. */
  readonly clause: string;
  /** Why it cannot be carried over, and after "wider:" what is taken instead. */
  readonly why: string;
}

export interface Converted<T> {
  /** Undefined where nothing is left that could be said: the rule would take every event. */
  readonly result: T | undefined;
  /** Empty: the result takes exactly the events that the original takes. */
  readonly lossy: readonly Lossy[];
}

const MAX_CLAUSE = 200;

export function lossyClause(path: string, clause: string, why: string): Lossy {
  return { path, clause: clause.length > MAX_CLAUSE ? `${clause.slice(0, MAX_CLAUSE - 3)}...` : clause, why };
}

/** The clauses beside one that came to take every event: with it they say nothing any more. Those named are not repeated. */
export function namedBeside(lossy: Lossy[], clauses: readonly (readonly [path: string, clause: string])[]): void {
  const named = new Set(lossy.map(({ path, clause }) => `${path}\0${clause}`));
  const why = 'an alternative beside it came to take every event; wider: any event';
  for (const [path, clause] of clauses) {
    const one = lossyClause(path, clause, why);
    if (!named.has(`${path}\0${one.clause}`)) lossy.push(one);
  }
}

/** Each once, in the order told. */
export function distinctLossy(lossy: readonly Lossy[]): readonly Lossy[] {
  return [...new Map(lossy.map((one) => [JSON.stringify(one), one])).values()];
}
