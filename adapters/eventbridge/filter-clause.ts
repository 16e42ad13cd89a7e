// A native pattern in the making: a list of clauses that must all hold, each with the path of names it stands at. What is
// done here lets more events through, never fewer. To drop a clause is not always that: below an array of objects it chose
// the element in which `exists: false` then looks, so without it fewer events may match. Such leaves go with it.

export interface LeafClause {
  readonly kind: 'leaf';
  readonly path: readonly string[];
  /** The alternatives as EventBridge JSON. */
  readonly tests: readonly unknown[];
  /** Shorter alternatives that take all that these take; undefined when only dropping is left. */
  readonly shorter: readonly unknown[] | undefined;
  /** Below `data`, where there may be arrays. */
  readonly inData: boolean;
  /** Takes that nothing is there. */
  readonly absence: boolean;
}

/** One of the lists must hold. Their paths begin where this one ends. */
export interface OrClause {
  readonly kind: 'or';
  readonly path: readonly string[];
  readonly anyOf: readonly Clauses[];
}

export type Clause = LeafClause | OrClause;
export type Clauses = readonly Clause[];

type Json = { [name: string]: unknown };

/** `defineProperty`, because `__proto__` is a name as any other. */
function put(object: Json, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

/** The object at a path, made where it is missing; undefined where a list stands in the way. */
function objectAt(root: Json, path: readonly string[]): Json | undefined {
  let object = root;
  for (const name of path) {
    if (!Object.hasOwn(object, name)) put(object, name, {});
    const next = object[name];
    if (Array.isArray(next)) return undefined;
    object = next as Json;
  }
  return object;
}

/**
 * The clauses as one JSON object. Two that cannot stand in one object (a list and an object of one name, two lists, two
 * $or) are told to `onClash`, and the second is left out.
 */
export function writeClauses(clauses: Clauses, onClash: (path: readonly string[]) => void): Readonly<Json> {
  const root: Json = {};
  for (const clause of clauses) {
    const path = clause.kind === 'or' ? [...clause.path, '$or'] : clause.path;
    const parent = objectAt(root, path.slice(0, -1));
    const name = path.at(-1)!;
    if (parent === undefined || Object.hasOwn(parent, name)) onClash(path);
    else if (clause.kind === 'leaf') put(parent, name, clause.tests);
    else {
      const branches = clause.anyOf.map((branch) => writeClauses(branch, onClash));
      put(parent, name, branches);
    }
  }
  return root;
}

function sizeOf(clause: Clause): number {
  return JSON.stringify(clause.kind === 'leaf' ? clause.tests : clause.anyOf).length;
}

/** Without the leaves that ask for absence below `data`: from what is left any clause may be dropped. */
export function withoutAbsence(clauses: Clauses): Clauses {
  return clauses.flatMap((clause): Clauses => {
    if (clause.kind === 'leaf') return clause.absence && clause.inData ? [] : [clause];
    const anyOf = clause.anyOf.map(withoutAbsence);
    return anyOf.some((branch) => branch.length === 0) ? [] : [{ ...clause, anyOf }];
  });
}

/** Whether dropping it may change what `exists: false` sees. */
export function isInData(clause: Clause): boolean {
  return clause.kind === 'leaf' ? clause.inData : clause.anyOf.some((branch) => branch.some(isInData));
}

/** Clauses that may go, with what the list is without them. A branch of $or keeps at least one. */
interface Candidate {
  readonly size: number;
  /** Dropped, not only shortened, and other clauses may depend on it. */
  readonly unsettles: boolean;
  readonly without: () => Clauses;
}

function leafCandidates(clauses: Clauses, mayEmpty: boolean): readonly Candidate[] {
  return clauses.flatMap((clause, i): readonly Candidate[] => {
    if (clause.kind === 'leaf') {
      const { shorter, inData } = clause;
      const size = sizeOf(clause);
      if (shorter !== undefined) {
        const without = (): Clauses => clauses.with(i, { ...clause, tests: shorter, shorter: undefined });
        return [{ size, unsettles: false, without }];
      }
      if (!mayEmpty && clauses.length === 1) return [];
      return [{ size, unsettles: inData, without: () => clauses.toSpliced(i, 1) }];
    }
    return clause.anyOf.flatMap((branch, k) =>
      leafCandidates(branch, false).map((one) => ({
        ...one,
        without: () => clauses.with(i, { ...clause, anyOf: clause.anyOf.with(k, one.without()) }),
      })),
    );
  });
}

function orCandidates(clauses: Clauses): readonly Candidate[] {
  return clauses.flatMap((clause, i) => {
    if (clause.kind !== 'or') return [];
    return [{ size: sizeOf(clause), unsettles: isInData(clause), without: () => clauses.toSpliced(i, 1) }];
  });
}

function largest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, one) => (best !== undefined && best.size >= one.size ? best : one),
    undefined,
  );
}

/** Drops the largest clause until what is left fits; [] when nothing is left. A whole $or goes when its leaves cannot. */
export function shrinkClauses(given: Clauses, fits: (clauses: Clauses) => boolean): Clauses {
  let clauses = given;
  while (clauses.length > 0 && !fits(clauses)) {
    const next = largest(leafCandidates(clauses, true)) ?? largest(orCandidates(clauses));
    if (next === undefined) return [];
    clauses = next.unsettles ? withoutAbsence(next.without()) : next.without();
  }
  return clauses;
}

/** Ways through the $or lists, as a machine that multiplies them out counts them. */
export function countWays(clauses: Clauses): number {
  const each = clauses.map((clause) =>
    clause.kind === 'leaf' ? 1 : clause.anyOf.reduce((sum, branch) => sum + countWays(branch), 0),
  );
  return each.reduce((product, ways) => product * ways, 1);
}
