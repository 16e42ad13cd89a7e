// The rule language: an EventBridge event pattern as a tree. Meaning of each operator: docs/rules.md.

export type Scalar = string | number | boolean | null;

export interface Bound {
  readonly op: '=' | '<' | '<=' | '>' | '>=';
  readonly value: number;
}

/** A test that an anything-but may negate. */
export type NegatedTest =
  | { readonly op: 'equals'; readonly value: Scalar }
  | { readonly op: 'prefix' | 'suffix' | 'equals-ignore-case' | 'wildcard'; readonly value: string };

/** One alternative of a leaf list. */
export type Test =
  /** A string that is an IP address literal equals every spelling of that address. */
  | { readonly op: 'equals'; readonly value: Scalar }
  /** A number that no double carries: equal only to the same text. */
  | { readonly op: 'number-text'; readonly text: string }
  | { readonly op: 'prefix' | 'suffix'; readonly value: string; readonly ignoreCase: boolean }
  | { readonly op: 'equals-ignore-case' | 'wildcard' | 'cidr' | 'exactly'; readonly value: string }
  | { readonly op: 'numeric'; readonly bounds: readonly Bound[] }
  | { readonly op: 'exists'; readonly value: boolean }
  | { readonly op: 'anything-but'; readonly not: readonly NegatedTest[] };

export interface Leaf {
  readonly kind: 'leaf';
  readonly anyOf: readonly Test[];
}

/** Entries in the order written: in the library profile a later one wins over an earlier one of the same path. */
export type Entry =
  | { readonly kind: 'field'; readonly name: string; readonly of: Leaf | Pattern }
  | { readonly kind: 'or'; readonly anyOf: readonly Pattern[] };

export interface Pattern {
  readonly kind: 'fields';
  readonly entries: readonly Entry[];
}
