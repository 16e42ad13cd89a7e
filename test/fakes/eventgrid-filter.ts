// Event Grid's filters, read from its documentation and from nothing else: what a definition may hold, and which events
// pass. Where the documentation leaves a case open, the reading that lets fewer events pass is taken, so that a compiler
// held against it cannot rely on more than is promised.
// Sources: Azure Event Grid, "Event filtering" (event-filtering.md and its include), ARM types of event subscriptions.

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Loose = Readonly<Record<string, unknown>>;

const MAX_FILTERS = 25;
const MAX_VALUES = 25;
const MAX_TEXT = 512;

const listOperators = [
  ...['StringIn', 'StringNotIn', 'StringBeginsWith', 'StringNotBeginsWith', 'StringEndsWith', 'StringNotEndsWith'],
  ...['StringContains', 'StringNotContains', 'NumberIn', 'NumberNotIn', 'NumberInRange', 'NumberNotInRange'],
];
const singleOperators = [
  ...['NumberLessThan', 'NumberLessThanOrEquals', 'NumberGreaterThan', 'NumberGreaterThanOrEquals', 'BoolEquals'],
];
const bareOperators = ['IsNullOrUndefined', 'IsNotNull'];

function refuse(says: string): never {
  throw new Error(`InvalidRequest: ${says}`);
}

function checkNames(given: Loose, allowed: readonly string[], what: string): void {
  for (const name of Object.keys(given)) if (!allowed.includes(name)) refuse(`${what} has no property '${name}'`);
}

function checkKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || key === '') refuse('a filter needs a key');
  if (!/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(key)) refuse(`the key '${key}' cannot be addressed`);
}

function checkText(value: unknown): void {
  if (typeof value !== 'string' || value === '') refuse('a value must be a text that is not empty');
  if (value.length > MAX_TEXT) refuse(`a value is longer than ${MAX_TEXT} characters`);
  if (!value.isWellFormed()) refuse('a value is not Unicode');
}

function checkNumber(value: unknown): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse('a value must be a number');
}

function checkRange(value: unknown): void {
  if (!Array.isArray(value) || value.length !== 2) refuse('a range must be [low, high]');
  for (const end of value) checkNumber(end);
  if (value[0] > value[1]) refuse('a range must not be upside down');
}

function checkValues(operator: string, values: unknown): number {
  if (!Array.isArray(values) || values.length === 0) refuse(`${operator} needs values`);
  const isRange = operator.endsWith('InRange');
  const check = isRange ? checkRange : operator.startsWith('String') ? checkText : checkNumber;
  values.forEach(check);
  return isRange ? values.length * 2 : values.length;
}

/** How many values it takes of the budget. */
function checkAdvanced(filter: unknown): number {
  if (typeof filter !== 'object' || filter === null) refuse('a filter must be an object');
  const { operatorType: operator, key, values, value } = filter as Loose;
  checkKey(key);
  if (typeof operator !== 'string') refuse('a filter needs an operatorType');
  if (listOperators.includes(operator)) {
    checkNames(filter as Loose, ['operatorType', 'key', 'values'], operator);
    return checkValues(operator, values);
  }
  if (singleOperators.includes(operator)) {
    checkNames(filter as Loose, ['operatorType', 'key', 'value'], operator);
    if (operator !== 'BoolEquals') checkNumber(value);
    else if (typeof value !== 'boolean') refuse('BoolEquals needs true or false');
    return 1;
  }
  if (!bareOperators.includes(operator)) refuse(`there is no operator '${operator}'`);
  checkNames(filter as Loose, ['operatorType', 'key'], operator);
  return 0;
}

function checkAll(filters: unknown): void {
  if (filters === undefined) return;
  if (!Array.isArray(filters)) refuse('filters must be a list');
  if (filters.length > MAX_FILTERS) refuse(`more than ${MAX_FILTERS} filters`);
  const values = filters.reduce<number>((sum, filter) => sum + checkAdvanced(filter), 0);
  if (values > MAX_VALUES) refuse(`more than ${MAX_VALUES} values`);
}

function checkTypes(types: unknown): void {
  if (types === undefined || types === null) return;
  if (!Array.isArray(types) || types.length === 0) refuse('includedEventTypes must be a list that is not empty');
  for (const type of types) if (typeof type !== 'string' || type === '') refuse('an event type must be a text');
}

const topicNames = [
  ...['includedEventTypes', 'subjectBeginsWith', 'subjectEndsWith', 'isSubjectCaseSensitive'],
  ...['enableAdvancedFilteringOnArrays', 'advancedFilters'],
];

/** Throws where the service would refuse the definition. */
export function checkFilter(filter: unknown, tier: 'topic' | 'namespace'): asserts filter is Loose {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) refuse('a filter must be an object');
  const given = filter as Loose;
  checkNames(given, tier === 'topic' ? topicNames : ['includedEventTypes', 'filters'], 'the filter');
  checkTypes(given['includedEventTypes']);
  checkAll(given[tier === 'topic' ? 'advancedFilters' : 'filters']);
  for (const name of ['isSubjectCaseSensitive', 'enableAdvancedFilteringOnArrays']) {
    if (given[name] !== undefined && typeof given[name] !== 'boolean') refuse(`${name} must be true or false`);
  }
  for (const name of ['subjectBeginsWith', 'subjectEndsWith']) {
    if (given[name] !== undefined && typeof given[name] !== 'string') refuse(`${name} must be a text`);
  }
}

/** A key's value: absent, one scalar, a list of scalars, or something that cannot be filtered. */
type Found =
  | { readonly kind: 'absent' | 'unsupported' }
  | { readonly kind: 'one'; readonly value: Json }
  | { readonly kind: 'list'; readonly values: readonly Json[] };

const isNested = (value: Json): boolean => typeof value === 'object' && value !== null;

function foundOf(value: Json | undefined): Found {
  if (value === undefined || value === null) return { kind: 'absent' };
  if (!Array.isArray(value)) return isNested(value) ? { kind: 'unsupported' } : { kind: 'one', value };
  // "Event Grid doesn't support filtering on an array of objects", and says nothing of lists in lists.
  return value.some(isNested) ? { kind: 'unsupported' } : { kind: 'list', values: value };
}

/** Names are looked up in any letter case, as .NET's readers do: the first that fits, which may be the wrong one. */
function member(object: { readonly [name: string]: Json }, name: string): Json | undefined {
  const key = Object.keys(object).find((one) => one.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : object[key];
}

// The two pages of the documentation disagree about these, so neither spelling of them leads anywhere here.
const aliases = ['eventid', 'eventtype', 'eventtypeversion', 'topic', 'dataversion', 'metadataversion'];
const attributes = ['id', 'source', 'type', 'subject', 'specversion'];

function lookUp(event: { readonly [name: string]: Json }, key: string): Found {
  const [first = '', ...rest] = key.split('.');
  if (aliases.includes(first.toLowerCase())) return { kind: 'absent' };
  if (first.toLowerCase() !== 'data') {
    if (rest.length > 0) return { kind: 'absent' };
    const value = member(event, first);
    if (value === undefined || value === null || isNested(value)) return foundOf(value);
    // Their example compares a numeric extension as text: extensions may be texts on the way.
    return { kind: 'one', value: attributes.includes(first) ? value : String(value) };
  }
  let value: Json | undefined = member(event, 'data');
  for (const name of rest) {
    if (Array.isArray(value)) return { kind: 'unsupported' };
    if (value === undefined || value === null || typeof value !== 'object') return { kind: 'absent' };
    value = member(value as { readonly [name: string]: Json }, name);
  }
  return rest.length === 0 ? { kind: 'unsupported' } : foundOf(value);
}

// A .NET decimal holds no more; what it cannot hold is compared with nothing.
const MAX_DECIMAL = 7.9e28;

function asNumber(value: Json): number | undefined {
  if (typeof value !== 'number' || Math.abs(value) > MAX_DECIMAL) return undefined;
  // Digits behind the 28th are gone.
  return Math.abs(value) < 1e-28 ? 0 : value;
}

/** Letter by letter, so that no letter ever becomes two. */
function folded(text: string): string {
  let result = '';
  for (const letter of text) {
    const upper = letter.toUpperCase();
    result += upper.length === letter.length ? upper : letter;
  }
  return result;
}

type OnValue = (value: Json) => boolean;

function onTexts(values: readonly string[], compare: (value: string, wanted: string) => boolean): OnValue {
  const wanted = values.map(folded);
  return (value) => typeof value === 'string' && wanted.some((one) => compare(folded(value), one));
}

function onNumbers(compare: (value: number) => boolean): OnValue {
  return (value) => {
    const number = asNumber(value);
    return number !== undefined && compare(number);
  };
}

/** The operator without its "Not". */
function positive(operator: string, { values, value }: Loose): OnValue {
  const texts = values as readonly string[];
  const numbers = values as readonly number[];
  const limit = value as number;
  switch (operator) {
    case 'StringIn':
      return onTexts(texts, (a, b) => a === b);
    case 'StringBeginsWith':
      return onTexts(texts, (a, b) => a.startsWith(b));
    case 'StringEndsWith':
      return onTexts(texts, (a, b) => a.endsWith(b));
    case 'StringContains':
      return onTexts(texts, (a, b) => a.includes(b));
    case 'NumberIn':
      return onNumbers((number) => numbers.includes(number));
    case 'NumberInRange':
      return onNumbers((number) =>
        (values as readonly [number, number][]).some(([low, high]) => number >= low && number <= high),
      );
    case 'NumberLessThan':
      return onNumbers((number) => number < limit);
    case 'NumberLessThanOrEquals':
      return onNumbers((number) => number <= limit);
    case 'NumberGreaterThan':
      return onNumbers((number) => number > limit);
    case 'NumberGreaterThanOrEquals':
      return onNumbers((number) => number >= limit);
    default:
      return (given) => given === value;
  }
}

/** Matched where the key is missing; of NumberNotInRange nothing is said, so it is not. */
const matchedWhenAbsent = ['NumberNotIn', 'StringNotIn'];

function passesOne(filter: Loose, event: { readonly [name: string]: Json }, onArrays: boolean): boolean {
  const operator = filter['operatorType'] as string;
  const found = lookUp(event, filter['key'] as string);
  if (operator === 'IsNullOrUndefined') return found.kind === 'absent';
  if (operator === 'IsNotNull') return found.kind === 'one' || found.kind === 'list';
  const isNegated = operator.includes('Not');
  if (found.kind === 'absent') return matchedWhenAbsent.includes(operator);
  if (found.kind === 'unsupported' || (found.kind === 'list' && !onArrays)) return false;
  const hits = positive(operator.replace('Not', ''), filter);
  const any = found.kind === 'list' ? found.values.some(hits) : found.kind === 'one' && hits(found.value);
  // A negated operator fails when any element hits.
  return any !== isNegated;
}

function passesSubject(filter: Loose, subject: Json | undefined): boolean {
  const { subjectBeginsWith: begin = '', subjectEndsWith: end = '', isSubjectCaseSensitive: isExact } = filter;
  if (begin === '' && end === '') return true;
  if (typeof subject !== 'string') return false;
  const as = isExact === true ? (text: string) => text : folded;
  return as(subject).startsWith(as(begin as string)) && as(subject).endsWith(as(end as string));
}

/**
 * Whether an event in JSON form passes. `subscribe` to it with checkFilter first. Whether letter case counts in
 * includedEventTypes is not documented: it does here.
 */
export function passesFilter(filter: unknown, tier: 'topic' | 'namespace', text: string): boolean {
  checkFilter(filter, tier);
  const event = JSON.parse(text) as { readonly [name: string]: Json };
  const types = filter['includedEventTypes'] as readonly string[] | undefined | null;
  if (types !== undefined && types !== null && !types.includes('All') && !types.includes(event['type'] as string)) {
    return false;
  }
  if (!passesSubject(filter, event['subject'])) return false;
  const advanced = (filter['advancedFilters'] ?? filter['filters'] ?? []) as readonly Loose[];
  // A namespace has no switch for lists.
  const onArrays = filter['enableAdvancedFilteringOnArrays'] === true;
  return advanced.every((one) => passesOne(one, event, onArrays));
}
