// A formula as filters of the CloudEvents Subscriptions API. They know texts only, and an event that lacks the attribute
// passes a 'not'; what they cannot say is widened, or said by the sql dialect where that may be used. Each filter is judged
// by itself, so an error of one sql expression fails that filter alone.
// Source: cloudevents/spec subscriptions/spec.md 0.1-wip, section 3.2.4.

import { printCesql } from '../cesql/print.ts';
import { MAX_CESQL_LENGTH } from '../cesql/tokenize.ts';
import { type Claim, isAlwaysThere, otherClaim, presentPart, saidText } from './claim.ts';
import type { Filter } from './filters.ts';
import { type Formula, isAlways, never, saidIn, settle } from './formula.ts';
import { countIntegers } from './integer-set.ts';
import { type Converted, distinctLossy, type Lossy, lossyClause, namedBeside } from './lossy.ts';
import { everyText, type ListedTexts, type TestedTexts, type TextSet } from './text-set.ts';
import { overlapsOf, partsOf } from './text-test.ts';
import { textViewOf } from './text-view.ts';
import { claimToCesql } from './to-cesql.ts';

export interface FilterOptions {
  /** The optional sql dialect may be used where the others do not say it exactly. */
  readonly sql?: boolean;
}

/** Undefined: any text. */
interface Written {
  readonly is: Filter | undefined;
  readonly wider: readonly string[];
  /** Passes events that lack the attribute. */
  readonly takesAbsent: boolean;
}

const noWay = 'filters have exact, prefix and suffix only; wider: any text is taken';

/** specversion is "1.0" in every event. */
const noEvent: Filter = { not: { exact: { specversion: '1.0' } } };

function oneOf(kind: 'all' | 'any', list: readonly Filter[]): Filter {
  const filters = list.flatMap((one) => {
    if (kind === 'all') return 'all' in one ? one.all : [one];
    return 'any' in one ? one.any : [one];
  });
  if (filters.length === 1) return filters[0]!;
  return kind === 'all' ? { all: filters } : { any: filters };
}

function exactly(is: Filter): Written {
  return { is, wider: [], takesAbsent: false };
}

function widened(wider: string, is?: Filter): Written {
  return { is, wider: [wider], takesAbsent: is === undefined };
}

function listed(name: string, { values, but }: ListedTexts): Written {
  const filled = [...values].filter((value) => value !== '');
  const empty = filled.length < values.size;
  const filters = filled.map((value): Filter => ({ exact: { [name]: value } }));
  if (!but)
    return empty ? widened('a filter takes no empty text; wider: any text is taken') : exactly(oneOf('any', filters));
  const wider = empty ? ['a filter takes no empty text; wider: the empty text is taken'] : [];
  const is: Filter | undefined = filled.length === 0 ? undefined : { not: oneOf('any', filters) };
  return { is, wider, takesAbsent: true };
}

/** The ends of a text with gaps. */
function ends(name: string, parts: readonly string[], isExact: boolean): Written {
  const [head, tail] = [parts[0]!, parts.at(-1)!];
  const filters: Filter[] = [];
  if (head !== '') filters.push({ prefix: { [name]: head } });
  if (tail !== '') filters.push({ suffix: { [name]: tail } });
  if (filters.length === 0) return widened(noWay);
  const is = oneOf('all', filters);
  if (isExact && parts.length === 2 && overlapsOf(head, tail).length === 0) return exactly(is);
  return widened('filters have exact, prefix and suffix only; wider: any text with these ends is taken', is);
}

function tested(name: string, { test, not }: TestedTexts): Written {
  const parts = partsOf(test);
  const plain = parts === undefined ? widened(noWay) : ends(name, parts, test.op !== 'like');
  if (!not) return plain;
  if (plain.is === undefined || plain.wider.length > 0) return widened(noWay);
  return { is: { not: plain.is }, wider: [], takesAbsent: true };
}

function textOf(name: string, set: TextSet): Written {
  if (set.key === everyText.key) return { is: undefined, wider: [], takesAbsent: true };
  if (set.kind === 'listed') return listed(name, set);
  if (set.kind === 'test') return tested(name, set);
  // What asks for something first, for those who read it.
  const parts = set.of.map((one) => textOf(name, one)).sort((a, b) => Number(a.takesAbsent) - Number(b.takesAbsent));
  const filters = parts.flatMap(({ is }) => is ?? []);
  const wider = parts.flatMap((part) => part.wider);
  if (set.kind === 'any') {
    if (filters.length < parts.length) return { is: undefined, wider, takesAbsent: true };
    return { is: oneOf('any', filters), wider, takesAbsent: parts.some(({ takesAbsent }) => takesAbsent) };
  }
  const is = filters.length === 0 ? undefined : oneOf('all', filters);
  return { is, wider, takesAbsent: parts.every(({ takesAbsent }) => takesAbsent) };
}

/** What the claim takes of values that are there, and maybe events that lack the attribute. */
function presentOf(claim: Claim): Written {
  const { texts, integers, wider } = textViewOf(claim);
  // Not even by its text.
  if (countIntegers(integers) > 0) {
    return { is: undefined, wider: ['filters do not compare numbers; wider: any value is taken'], takesAbsent: true };
  }
  const written = textOf(claim.name, texts);
  return { ...written, wider: [...wider, ...written.wider] };
}

/** By exact, prefix, suffix, all, any and not alone. */
function plainFilter(claim: Claim): Written {
  const { name } = claim;
  if (claim.absent) {
    // Absent or so: what is there and otherwise does not pass.
    const other = presentOf(otherClaim(claim));
    const isSaid = other.wider.length === 0 && other.is !== undefined && !other.takesAbsent;
    if (isSaid) return { is: { not: other.is! }, wider: [], takesAbsent: true };
    const present = presentOf(presentPart(claim));
    if (present.takesAbsent && present.is !== undefined) return present;
    return widened('filters do not ask whether an attribute is absent; wider: any value, or none, is taken');
  }
  const written = presentOf(claim);
  if (!written.takesAbsent || isAlwaysThere(name)) return written;
  if (written.is === undefined) {
    const why = written.wider[0]?.split('; wider: ')[0] ?? 'filters do not ask whether an attribute is there';
    return { ...written, wider: [`${why}; wider: any value, or none, is taken`] };
  }
  const says = `filters do not ask whether an attribute is there; wider: an event without ${name} is taken`;
  return { ...written, wider: [...written.wider, says] };
}

/** Undefined: any event. */
function claimFilter(claim: Claim, { sql = false }: FilterOptions): Written {
  const plain = plainFilter(claim);
  if (!sql || plain.wider.length === 0) return plain;
  const { is, wider } = claimToCesql(claim);
  if (is === undefined) return plain.is === undefined ? { is: undefined, wider, takesAbsent: true } : plain;
  const text = printCesql(is);
  return text.length > MAX_CESQL_LENGTH ? plain : { is: { sql: text }, wider, takesAbsent: false };
}

function write(formula: Formula, options: FilterOptions, lossy: Lossy[]): Filter | undefined {
  if (formula.kind === 'open') return undefined;
  if (formula.kind === 'claim') {
    const { is, wider } = claimFilter(formula, options);
    for (const why of wider) lossy.push(lossyClause(formula.name, saidText(formula), why));
    return is;
  }
  const parts = formula.of.map((one) => write(one, options, lossy));
  const filters = parts.filter((part) => part !== undefined);
  if (formula.kind === 'all') return filters.length === 0 ? undefined : oneOf('all', filters);
  if (filters.length === parts.length) return oneOf('any', filters);
  namedBeside(lossy, saidIn(formula));
  return undefined;
}

/** The list of a subscription's `filters`; a list of none takes every event. */
export function formulaToFilters(formula: Formula, options: FilterOptions = {}): Converted<readonly Filter[]> {
  const settled = settle(formula);
  const lossy = [...settled.lossy];
  if (isAlways(settled.formula)) return { result: lossy.length === 0 ? [] : undefined, lossy: distinctLossy(lossy) };
  // Nothing is less, so nothing was lost.
  if (settled.formula.key === never.key) return { result: [noEvent], lossy: [] };
  const filter = write(settled.formula, options, lossy);
  const result = filter === undefined ? undefined : 'all' in filter ? filter.all : [filter];
  return { result, lossy: distinctLossy(lossy) };
}
