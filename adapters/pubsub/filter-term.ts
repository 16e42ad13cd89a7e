// The Pub/Sub filter language as plain data: tests on message attributes joined by 'all' and 'any'. Building simplifies as
// it goes. Everything below 'all' and 'any' only ever adds messages when it is widened, because there is no 'not' above
// them; that is what makes widening safe. Pure.
// Source: cloud.google.com/pubsub/docs/subscription-message-filter; what both versions of pstest take.

export interface KeyTerm {
  /** `absent` is NOT attributes:key. */
  readonly kind: 'has' | 'absent';
  readonly key: string;
}

export interface ValueTerm {
  /** `isNot` and `notPrefix` are true of a message without the key, as the service has it. */
  readonly kind: 'is' | 'isNot' | 'prefix' | 'notPrefix';
  readonly key: string;
  readonly value: string;
}

export interface JoinedTerm {
  readonly kind: 'all' | 'any';
  readonly of: readonly Term[];
}

export type Term = KeyTerm | ValueTerm | JoinedTerm;

export const always: Term = { kind: 'all', of: [] };
export const never: Term = { kind: 'any', of: [] };

/** What every Busway message has, so that a filter can say 'all' and 'none'. */
const EVERYWHERE = 'ce-id';

export function isAlways(term: Term): boolean {
  return term.kind === 'all' && term.of.length === 0;
}

export function isNever(term: Term): boolean {
  return term.kind === 'any' && term.of.length === 0;
}

function isJoined(term: Term): term is JoinedTerm {
  return term.kind === 'all' || term.kind === 'any';
}

/** Children of the same kind are taken in, repeats left out. */
function flattened(kind: JoinedTerm['kind'], of: readonly Term[]): Term[] {
  const flat = of.flatMap((term) => (term.kind === kind ? term.of : [term]));
  return [...new Map(flat.map((term) => [textOf(term), term])).values()];
}

function joined(kind: JoinedTerm['kind'], of: readonly Term[]): Term {
  return of.length === 1 ? of[0]! : { kind, of };
}

export function allOf(terms: readonly Term[]): Term {
  const of = flattened('all', terms);
  return of.some(isNever) ? never : joined('all', of);
}

/** Whether what passes `term` has one of these keys for certain. */
function implies(term: Term, keys: ReadonlySet<string>): boolean {
  if (term.kind === 'all')
    return term.of.some((child) => (child.kind === 'has' && keys.has(child.key)) || implies(child, keys));
  return (term.kind === 'is' || term.kind === 'prefix') && keys.has(term.key);
}

export function anyOf(terms: readonly Term[]): Term {
  const of = flattened('any', terms);
  if (of.some(isAlways)) return always;
  const present = new Set(of.flatMap((term) => (term.kind === 'has' ? [term.key] : [])));
  if (of.some((term) => term.kind === 'absent' && present.has(term.key))) return always;
  // `attributes:k OR attributes.k = "v"` is `attributes:k`.
  return joined(
    'any',
    of.filter((term) => !implies(term, present)),
  );
}

/** Of what an attribute can hold only these two need an escape: control characters are in no event. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A key as the service wants it: bare where it may be. */
function named(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key);
}

function leafText(term: KeyTerm | ValueTerm): string {
  const key = named(term.key);
  switch (term.kind) {
    case 'has':
      return `attributes:${key}`;
    case 'absent':
      return `NOT attributes:${key}`;
    case 'is':
      return `attributes.${key} = ${quoted(term.value)}`;
    case 'isNot':
      return `attributes.${key} != ${quoted(term.value)}`;
    case 'prefix':
      return `hasPrefix(attributes.${key}, ${quoted(term.value)})`;
    case 'notPrefix':
      return `NOT hasPrefix(attributes.${key}, ${quoted(term.value)})`;
  }
}

/** The text of the filter. AND and OR are never mixed without parentheses: the service refuses what emulators guess. */
export function textOf(term: Term): string {
  if (!isJoined(term)) return leafText(term);
  if (term.of.length === 0) {
    return isAlways(term) ? `attributes:${EVERYWHERE}` : `(attributes:${EVERYWHERE} AND NOT attributes:${EVERYWHERE})`;
  }
  const word = term.kind === 'all' ? ' AND ' : ' OR ';
  return term.of.map((child) => (isJoined(child) ? `(${textOf(child)})` : textOf(child))).join(word);
}

export function bytesOf(term: Term): number {
  return Buffer.byteLength(textOf(term));
}

/** Whether a message with these attributes passes. */
export function passes(term: Term, attributes: Readonly<Record<string, string>>): boolean {
  if (isJoined(term)) {
    const holds = (child: Term): boolean => passes(child, attributes);
    return term.kind === 'all' ? term.of.every(holds) : term.of.some(holds);
  }
  const value = Object.hasOwn(attributes, term.key) ? attributes[term.key] : undefined;
  switch (term.kind) {
    case 'has':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'is':
      return value === term.value;
    case 'isNot':
      return value !== term.value;
    case 'prefix':
      return value?.startsWith(term.value) === true;
    case 'notPrefix':
      return value?.startsWith(term.value) !== true;
  }
}

/** The longest text that all begin with; never half a character. */
function commonPrefix(texts: readonly string[]): string {
  const characters = texts.map((text) => Array.from(text));
  const [first = [], ...rest] = characters;
  let length = 0;
  while (length < first.length && rest.every((other) => other[length] === first[length])) length++;
  return first.slice(0, length).join('');
}

// A test takes 15 bytes and the word before it 4: more than these never fit into 256.
const MAX_TESTS = 13;

function widerAny({ of }: JoinedTerm, required: ReadonlySet<string>): Term {
  const values = of.flatMap((term) => (term.kind === 'is' || term.kind === 'prefix' ? [term] : []));
  const keys = new Set(values.map(({ key }) => key));
  if (values.length === of.length && keys.size === 1) {
    const [key] = keys;
    const value = commonPrefix(values.map((term) => term.value));
    return value === '' ? present(key!, required) : { kind: 'prefix', key: key!, value };
  }
  if (of.length > MAX_TESTS) return always;
  return anyOf(widerLargest(of, required));
}

function present(key: string, required: ReadonlySet<string>): Term {
  return required.has(key) ? always : { kind: 'has', key };
}

function widerAll({ of }: JoinedTerm, required: ReadonlySet<string>): Term {
  if (of.length <= MAX_TESTS) return allOf(widerLargest(of, required));
  const sized = of.map((term) => ({ term, bytes: bytesOf(term) })).sort((a, b) => a.bytes - b.bytes);
  return allOf(sized.slice(0, MAX_TESTS).map(({ term }) => term));
}

function widerLargest(of: readonly Term[], required: ReadonlySet<string>): Term[] {
  const sizes = of.map(bytesOf);
  const largest = sizes.indexOf(Math.max(...sizes));
  return of.map((term, i) => (i === largest ? wider(term, required) : term));
}

/**
 * One step wider, where most bytes are saved: a list of values becomes their common prefix, that the presence of the key,
 * that nothing. Lets through whatever `term` lets through. `required`: keys that every message has.
 */
export function wider(term: Term, required: ReadonlySet<string>): Term {
  switch (term.kind) {
    case 'any':
      return widerAny(term, required);
    case 'all':
      return widerAll(term, required);
    case 'is':
    case 'prefix':
      return present(term.key, required);
    default:
      return always;
  }
}
