// Whether an event passes the native filter of a rule, for telling how much would be delivered in vain. Only the operators
// that filter.ts writes. Letter case is ignored but in subject filters that ask for it; a missing key passes nothing.
// Source: Azure Event Grid, "Event filtering" (read 2026-11-21).

import { type CloudEvent, dataValue } from '../../router/event.ts';
import type { EventGridFilter } from './filter.ts';
import type { AdvancedFilter } from './filter-clause.ts';

function valueAt(event: CloudEvent, key: string): unknown {
  const [first, ...rest] = key.split('.');
  if (first !== 'data') return event.attributes[key];
  let value: unknown;
  try {
    value = dataValue(event);
  } catch {
    return undefined;
  }
  for (const name of rest) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

const textTests = {
  StringIn: (value: string, wanted: string) => value === wanted,
  StringBeginsWith: (value: string, wanted: string) => value.startsWith(wanted),
  StringEndsWith: (value: string, wanted: string) => value.endsWith(wanted),
  StringContains: (value: string, wanted: string) => value.includes(wanted),
} as const;

const boundTests = {
  NumberGreaterThan: (value: number, bound: number) => value > bound,
  NumberGreaterThanOrEquals: (value: number, bound: number) => value >= bound,
  NumberLessThan: (value: number, bound: number) => value < bound,
  NumberLessThanOrEquals: (value: number, bound: number) => value <= bound,
} as const;

function elementPasses(filter: AdvancedFilter, value: unknown): boolean {
  switch (filter.operatorType) {
    case 'BoolEquals':
      return value === filter.value;
    case 'NumberIn':
      return typeof value === 'number' && filter.values.includes(value);
    case 'NumberInRange':
      return typeof value === 'number' && filter.values.some(([low, high]) => value >= low && value <= high);
    case 'StringIn':
    case 'StringBeginsWith':
    case 'StringEndsWith':
    case 'StringContains': {
      const test = textTests[filter.operatorType];
      if (typeof value !== 'string') return false;
      return filter.values.some((wanted) => test(value.toLowerCase(), wanted.toLowerCase()));
    }
    default:
      return typeof value === 'number' && boundTests[filter.operatorType](value, filter.value);
  }
}

function subjectPasses(filter: EventGridFilter, { attributes }: CloudEvent): boolean {
  if (!('subjectBeginsWith' in filter || 'subjectEndsWith' in filter)) return true;
  const { subjectBeginsWith = '', subjectEndsWith = '', isSubjectCaseSensitive = false } = filter;
  const folded = (text: string): string => (isSubjectCaseSensitive ? text : text.toLowerCase());
  const subject = folded(attributes.subject ?? '');
  return subject.startsWith(folded(subjectBeginsWith)) && subject.endsWith(folded(subjectEndsWith));
}

export function passesFilter(filter: EventGridFilter, event: CloudEvent): boolean {
  const { includedEventTypes } = filter;
  const type = event.attributes.type.toLowerCase();
  if (includedEventTypes !== undefined && !includedEventTypes.some((one) => one.toLowerCase() === type)) return false;
  if (!subjectPasses(filter, event)) return false;
  const advanced = 'filters' in filter ? filter.filters : 'advancedFilters' in filter ? filter.advancedFilters : [];
  return (advanced ?? []).every((one) => {
    const value = valueAt(event, one.key);
    return Array.isArray(value) ? value.some((item) => elementPasses(one, item)) : elementPasses(one, value);
  });
}
