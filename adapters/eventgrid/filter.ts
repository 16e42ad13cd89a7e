// Condition -> the filter of an event subscription. Pure. Never loses an event: only what every match fulfils is pushed
// down, in operators that hold for all values; what Event Grid judges differently stays with the handler.
// Custom topics have subject filters and array filtering, namespaces have neither, so lists are never filtered there.
// Limits: 25 advanced filters, 25 values, 512 characters a text (Azure Event Grid, "Event filtering", read 2026-11-21).

import { createHash } from 'node:crypto';
import type { Condition } from '../../router/condition.ts';
import type { Split } from '../adapter.ts';
import { type AdvancedFilter, type Alternative, filtersOf, valueCount } from './filter-clause.ts';
import { type Field, fieldsOf } from './filter-fields.ts';

/** `topic`: a custom topic, filtered by properties.filter. `namespace`: a namespace topic, by filtersConfiguration. */
export type Tier = 'topic' | 'namespace';

export interface TopicFilter {
  readonly includedEventTypes?: readonly string[];
  readonly subjectBeginsWith?: string;
  readonly subjectEndsWith?: string;
  readonly isSubjectCaseSensitive?: boolean;
  /** Always set: without it a filter on a list loses the event. */
  readonly enableAdvancedFilteringOnArrays?: true;
  readonly advancedFilters?: readonly AdvancedFilter[];
}

export interface NamespaceFilter {
  readonly includedEventTypes?: readonly string[];
  readonly filters?: readonly AdvancedFilter[];
}

export type EventGridFilter = TopicFilter | NamespaceFilter;

export interface FilterSettings {
  readonly tier: Tier;
  /** Paths into data that hold no list of objects in any event, as the bus option `filterable` says. */
  readonly filterable: readonly string[];
}

const MAX_FILTERS = 25;
const MAX_VALUES = 25;

/** What one field became: parts of the native filter, advanced filters that may be dropped, what to tell people. */
interface Pushed {
  readonly basic: Omit<TopicFilter, 'advancedFilters'>;
  readonly advanced: readonly AdvancedFilter[];
  readonly exact: boolean;
  readonly why?: string;
  readonly fix?: string;
}

const CASE = 'letter case is ignored there';
const CASE_FIX = 'ask for one prefix or one suffix of subject, on a custom topic: only there letter case counts';

function residual(path: string, why: string, fix?: string): Pushed {
  return { basic: {}, advanced: [], exact: false, why: `${path}: ${why}`, ...(fix === undefined ? {} : { fix }) };
}

function wider(path: string, given: Pick<Pushed, 'basic' | 'advanced'>): Pushed {
  return { ...given, exact: false, why: `${path}: ${CASE}`, fix: CASE_FIX };
}

// Names that stand for something else in filter keys, by one or the other page of the documentation.
const aliases: ReadonlySet<string> = new Set([
  ...['eventid', 'eventtype', 'eventtypeversion', 'eventtime', 'topic', 'dataversion', 'metadataversion'],
  ...['specversion', 'time', 'dataschema', 'datacontenttype', 'data', 'database64'],
]);
const EXTENSION = /^[a-z0-9]+$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

type Text = Extract<Alternative, { kind: 'text' }>;

function isText(alternative: Alternative): alternative is Text {
  return alternative.kind === 'text';
}

/** Types as a list; whether letter case counts there is not documented, and either way a listed type passes. */
function pushType({ path, anyOf }: Field, filters: readonly AdvancedFilter[]): Pushed {
  const texts = anyOf.filter(isText);
  const listed = texts.every(({ parts, folded }) => parts.length === 1 && !folded);
  if (!listed) return wider(path, { basic: {}, advanced: filters });
  const includedEventTypes = [...new Set(texts.map(({ parts }) => parts[0]!))];
  return {
    ...wider(path, { basic: { includedEventTypes }, advanced: [] }),
    why: `${path}: whether letter case counts in a list of event types is not documented`,
  };
}

/** One text on subject goes into the subject filters, the only ones that can be told to look at letter case. */
function pushSubject({ path, anyOf }: Field, filters: readonly AdvancedFilter[]): Pushed {
  const [only] = anyOf.filter(isText);
  if (only === undefined || anyOf.length > 1) return wider(path, { basic: {}, advanced: filters });
  const { parts, folded } = only;
  const [head, tail] = [parts[0]!, parts.at(-1)!];
  const basic = {
    ...(head === '' ? {} : { subjectBeginsWith: head }),
    ...(tail === '' ? {} : { subjectEndsWith: tail }),
    isSubjectCaseSensitive: !folded,
  };
  const advanced = filters.filter(({ operatorType }) => operatorType === 'StringContains');
  if (head === '' && tail === '') return wider(path, { basic: {}, advanced });
  if (folded) return wider(path, { basic, advanced });
  if (parts.length === 2 && (head === '' || tail === '') && PRINTABLE.test(head + tail)) {
    return { basic, advanced: [], exact: true };
  }
  const why = `${path}: only its beginning and its end are compared with letter case there`;
  return { basic, advanced, exact: false, why, fix: CASE_FIX };
}

function pushData({ path, anyOf }: Field, settings: FilterSettings): Pushed {
  if (!settings.filterable.includes(path)) {
    const why = 'a list of objects or of lists, on the way or at the end, is not looked into there';
    return residual(path, why, `name '${path}' under 'filterable' of the bus if no event has such a list there`);
  }
  const filters = filtersOf(path, anyOf);
  if (typeof filters === 'string') return residual(path, filters);
  const isTextual = filters.every(({ operatorType }) => operatorType.startsWith('String'));
  if (isTextual) return wider(path, { basic: {}, advanced: filters });
  const why = `${path}: how numbers, and lists of values, are compared there is not documented to the last case`;
  return { basic: {}, advanced: filters, exact: false, why };
}

function pushAttribute(field: Field, tier: Tier): Pushed {
  const { path, anyOf } = field;
  const filters = filtersOf(path, anyOf);
  if (typeof filters === 'string') return residual(path, filters);
  if (path === 'type') return pushType(field, filters);
  if (path === 'subject' && tier === 'topic') return pushSubject(field, filters);
  return wider(path, { basic: {}, advanced: filters });
}

const core: readonly string[] = ['id', 'source', 'type', 'subject'];
const NEVER = 'it is a text in every event, so the rule never matches there';

/** One field as far as it can be pushed. */
function push(field: Field, settings: FilterSettings): Pushed {
  const { path, anyOf } = field;
  if (path.startsWith('data.')) return pushData(field, settings);
  if (aliases.has(path) || !EXTENSION.test(path)) return residual(path, 'it cannot be a key there');
  const texts = anyOf.filter(({ kind }) => kind === 'text' || kind === 'unsaid');
  if (!core.includes(path) && texts.length < anyOf.length) {
    return residual(
      path,
      'a number or a boolean of an extension may be compared as text there',
      'write it as a string',
    );
  }
  // What is a text in every event is never one of the numbers of a list.
  return texts.length === 0 ? residual(path, NEVER) : pushAttribute({ path, anyOf: texts }, settings.tier);
}

const ranks: Readonly<Record<AdvancedFilter['operatorType'], number>> = {
  StringIn: 0,
  NumberIn: 1,
  StringBeginsWith: 2,
  StringEndsWith: 3,
  NumberInRange: 4,
  NumberGreaterThan: 5,
  NumberGreaterThanOrEquals: 5,
  NumberLessThan: 5,
  NumberLessThanOrEquals: 5,
  StringContains: 6,
  BoolEquals: 7,
};

/** Fewer values leave more out; among equals an id tells more apart than a source, and that than the rest. */
function compareSelectivity(a: AdvancedFilter, b: AdvancedFilter): number {
  const rank = ({ operatorType, key }: AdvancedFilter): number =>
    ranks[operatorType] * 3 + (key === 'id' ? 0 : key === 'source' ? 1 : 2);
  return rank(a) - rank(b) || valueCount(a) - valueCount(b);
}

/** A list of texts that is too long, as what they all begin with; a list is never cut. */
function shortened(filter: AdvancedFilter): AdvancedFilter | undefined {
  if (filter.operatorType !== 'StringIn' && filter.operatorType !== 'StringBeginsWith') return undefined;
  const [first = '', ...others] = filter.values;
  let end = first.length;
  for (const value of others) while (!value.startsWith(first.slice(0, end))) end--;
  const head = first.slice(0, end);
  // Half a surrogate pair would be no text.
  const whole = head.isWellFormed() ? head : head.slice(0, -1);
  return whole === '' ? undefined : { operatorType: 'StringBeginsWith', key: filter.key, values: [whole] };
}

interface Fitted {
  readonly kept: readonly AdvancedFilter[];
  readonly dropped: readonly AdvancedFilter[];
}

/** What the limits of a subscription allow, the most selective first. */
function fit(filters: readonly AdvancedFilter[]): Fitted {
  const kept: AdvancedFilter[] = [];
  const dropped: AdvancedFilter[] = [];
  let values = 0;
  for (const filter of [...filters].sort(compareSelectivity)) {
    const room = MAX_VALUES - values;
    const fitting = valueCount(filter) <= room ? filter : shortened(filter);
    if (fitting !== filter) dropped.push(filter);
    if (fitting === undefined || valueCount(fitting) > room || kept.length === MAX_FILTERS) continue;
    kept.push(fitting);
    values += valueCount(fitting);
  }
  return { kept, dropped };
}

function nativeOf(pushed: readonly Pushed[], kept: readonly AdvancedFilter[], tier: Tier): EventGridFilter | null {
  const basic: TopicFilter = Object.assign({}, ...pushed.map((one) => one.basic));
  if (Object.keys(basic).length === 0 && kept.length === 0) return null;
  if (tier === 'namespace') {
    const { includedEventTypes } = basic;
    const types = includedEventTypes === undefined ? {} : { includedEventTypes };
    return kept.length === 0 ? types : { ...types, filters: kept };
  }
  return kept.length === 0
    ? { ...basic, enableAdvancedFilteringOnArrays: true }
    : { ...basic, enableAdvancedFilteringOnArrays: true, advancedFilters: kept };
}

function inWords(texts: readonly (string | undefined)[]): string | undefined {
  const distinct = [...new Set(texts.filter((text) => text !== undefined))];
  return distinct.length === 0 ? undefined : distinct.join('; ');
}

/** Two fields of one path cannot both go into the same single-valued part. */
function clash(a: Pushed, b: Pushed): boolean {
  return Object.keys(a.basic).some((name) => name in b.basic);
}

/** The native filter of a rule's subscription, and what is left to check. Law: match => native passes. */
export function compileEventGrid(when: Condition, settings: FilterSettings): Split<EventGridFilter> {
  const { fields, whole, left } = fieldsOf(when);
  const pushed: Pushed[] = [];
  for (const field of fields) {
    const one = push(field, settings);
    pushed.push(pushed.some((other) => clash(one, other)) ? { ...one, basic: {}, exact: false } : one);
  }
  const { kept, dropped } = fit(pushed.flatMap(({ advanced }) => advanced));
  const native = nativeOf(pushed, kept, settings.tier);
  if (native !== null && whole && pushed.every(({ exact }) => exact)) return { kind: 'exact', native, residual: null };
  const over = `over ${MAX_FILTERS} filters or ${MAX_VALUES} values of a subscription`;
  const why = inWords([...pushed.map((one) => one.why), ...left, ...dropped.map(({ key }) => `${key}: ${over}`)]);
  const fix = inWords([...pushed.map((one) => one.fix), dropped.length > 0 ? 'split the rule' : undefined]);
  return {
    kind: native === null ? 'none' : 'wider',
    native,
    residual: when,
    ...(why === undefined ? {} : { why }),
    ...(fix === undefined ? {} : { fix }),
  };
}

// Azure: 3 to 64 characters for a subscription of a custom topic, 3 to 50 for one of a namespace topic (Microsoft.EventGrid
// 2025-02-15, read 2026-11-21).
const MAX_NAME = 50;
const HASH = 8;

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH);
}

/** What all subscriptions of a rule begin with, whatever its filter: names of rules that read alike stay apart. */
function stemOf(prefix: string, rule: string): string {
  const readable = rule.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
  const room = MAX_NAME - prefix.length - 2 * HASH - 2;
  return `${prefix}-${readable.slice(0, room) || 'rule'}-${hashOf(rule)}`;
}

/** The name of a rule's event subscription. A changed filter makes a new one, so that the old one can be drained. */
export function subscriptionName(prefix: string, rule: string, native: EventGridFilter | null): string {
  return `${stemOf(prefix, rule)}${hashOf(JSON.stringify(native))}`;
}

/**
 * The rule a subscription was made for: one of `rules`, whatever its filter was then; the readable part of its name when
 * that rule is gone, or the whole name where another rule reads alike; undefined when it is none of ours. Azure gives names
 * back in any case.
 */
export function ruleOfSubscription(name: string, prefix: string, rules: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  if (!lower.startsWith(`${prefix.toLowerCase()}-`)) return undefined;
  const known = rules.find((rule) => lower.startsWith(stemOf(prefix, rule).toLowerCase()));
  const readable = name.slice(prefix.length + 1, -2 * HASH - 1);
  return known ?? (rules.includes(readable) ? name : readable);
}
