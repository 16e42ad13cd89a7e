// The rule language: an EventBridge event pattern, read strictly into a tree. The first set of operators: exact,
// prefix, suffix, anything-but, numeric, exists and $or. What is unknown is refused with its path, never ignored.
// Meaning of each operator: docs/rules.md.

import { isObject, type Problem, show, unknownName } from './config.ts';

export type Scalar = string | number | boolean | null;

export interface Bound {
  readonly op: '=' | '<' | '<=' | '>' | '>=';
  readonly value: number;
}

/** One alternative of a leaf list. */
export type Test =
  | { readonly op: 'equals'; readonly value: Scalar }
  | { readonly op: 'prefix' | 'suffix'; readonly value: string }
  | { readonly op: 'numeric'; readonly bounds: readonly Bound[] }
  | { readonly op: 'exists'; readonly value: boolean }
  | { readonly op: 'anything-but'; readonly not: readonly Test[] };

export interface Leaf {
  readonly kind: 'leaf';
  readonly anyOf: readonly Test[];
}

export interface Pattern {
  readonly kind: 'fields';
  readonly fields: readonly (readonly [name: string, of: Leaf | Pattern])[];
  /** Each `$or` of this object: one of its patterns must match. */
  readonly or: readonly (readonly Pattern[])[];
}

const operators = ['prefix', 'suffix', 'anything-but', 'numeric', 'exists'] as const;
const bounds: readonly string[] = ['=', '<', '<=', '>', '>='];

// Far over any event; reading and compiling are recursive, and a document written as code may hold a cycle.
const MAX_DEPTH = 200;

function isTooDeep(input: unknown): boolean {
  let level = [input];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return false;
}

type Report = (path: string, says: string) => undefined;

/** Reads a pattern; what is wrong is added to `problems` with its path, and then the result is undefined. */
export function parsePattern(input: unknown, path: string, problems: Problem[]): Pattern | undefined {
  const before = problems.length;
  const report: Report = (at, says) => {
    problems.push({ path: at, says });
    return undefined;
  };
  if (isTooDeep(input)) return report(path, `is nested deeper than ${MAX_DEPTH} levels`);
  const pattern = parseFields(input, path, report);
  return problems.length === before ? pattern : undefined;
}

function parseFields(input: unknown, path: string, report: Report): Pattern | undefined {
  if (!isObject(input)) return report(path, `must be an object of fields, found ${show(input)}`);
  const fields: (readonly [string, Leaf | Pattern])[] = [];
  const or: (readonly Pattern[])[] = [];
  for (const [name, value] of Object.entries(input)) {
    const at = `${path}.${name}`;
    if (name === '$or') {
      const alternatives = parseOr(value, at, report);
      if (alternatives !== undefined) or.push(alternatives);
    } else {
      const child = Array.isArray(value) ? parseLeaf(value, at, report) : parseNested(value, at, report);
      if (child !== undefined) fields.push([name, child]);
    }
  }
  if (Object.keys(input).length === 0) return report(path, 'must name at least one field');
  return { kind: 'fields', fields, or };
}

function parseNested(value: unknown, path: string, report: Report): Pattern | undefined {
  if (isObject(value)) return parseFields(value, path, report);
  return report(path, `must be a list of alternatives or an object, found ${show(value)}; write [${show(value)}]`);
}

function parseOr(value: unknown, path: string, report: Report): readonly Pattern[] | undefined {
  if (!Array.isArray(value) || value.length < 2) return report(path, 'must be a list of at least two patterns');
  const alternatives = value.map((item, i) => parseFields(item, `${path}[${i}]`, report));
  return alternatives.filter((item) => item !== undefined);
}

function parseLeaf(list: readonly unknown[], path: string, report: Report): Leaf | undefined {
  if (list.length === 0) return report(path, 'must list at least one alternative');
  const anyOf = list.map((item, i) => parseTest(item, `${path}[${i}]`, report)).filter((test) => test !== undefined);
  return { kind: 'leaf', anyOf };
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function parseTest(item: unknown, path: string, report: Report): Test | undefined {
  if (isScalar(item)) return { op: 'equals', value: item };
  if (!isObject(item)) return report(path, `must be a value or one operator, found ${show(item)}`);
  const names = Object.keys(item);
  const name = names[0];
  if (names.length !== 1 || name === undefined) {
    return report(path, `must hold one operator, found ${names.length}; alternatives are separate items of the list`);
  }
  const value = item[name];
  const at = `${path}.${name}`;
  switch (name) {
    case 'prefix':
    case 'suffix':
      return typeof value === 'string' ? { op: name, value } : report(at, `must be a string, found ${show(value)}`);
    case 'exists':
      return typeof value === 'boolean'
        ? { op: name, value }
        : report(at, `must be true or false, found ${show(value)}`);
    case 'numeric':
      return parseNumeric(value, at, report);
    case 'anything-but':
      return parseAnythingBut(value, at, report);
    default:
      return report(path, unknownName('operator', name, operators));
  }
}

function parseNumeric(value: unknown, path: string, report: Report): Test | undefined {
  const form = 'must be [op, number] or [">" or ">=", low, "<" or "<=", high]';
  if (!Array.isArray(value) || (value.length !== 2 && value.length !== 4)) return report(path, form);
  const found: Bound[] = [];
  for (let i = 0; i < value.length; i += 2) {
    const [op, number] = [value[i], value[i + 1]];
    if (typeof op !== 'string' || !bounds.includes(op)) {
      return report(`${path}[${i}]`, `must be one of ${bounds.join(' ')}, found ${show(op)}`);
    }
    if (!Number.isFinite(number)) return report(`${path}[${i + 1}]`, `must be a number, found ${show(number)}`);
    found.push({ op: op as Bound['op'], value: number });
  }
  const [low, high] = found;
  if (high !== undefined && (low === undefined || !low.op.startsWith('>') || !high.op.startsWith('<'))) {
    return report(path, form);
  }
  if (low !== undefined && high !== undefined && low.value >= high.value) {
    return report(path, `the lower bound ${low.value} must be below the upper bound ${high.value}`);
  }
  return { op: 'numeric', bounds: found };
}

function parseAnythingBut(value: unknown, path: string, report: Report): Test | undefined {
  if (isObject(value)) {
    const names = Object.keys(value);
    const name = names[0];
    if (names.length !== 1 || (name !== 'prefix' && name !== 'suffix')) {
      return report(path, unknownName('operator', String(name), ['prefix', 'suffix']));
    }
    const list = Array.isArray(value[name]) ? value[name] : [value[name]];
    if (list.length === 0 || list.some((item) => typeof item !== 'string' || item === '')) {
      return report(`${path}.${name}`, 'must be a non-empty string or a list of them');
    }
    return { op: 'anything-but', not: list.map((item) => ({ op: name, value: item as string })) };
  }
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const strings = list.every((item) => typeof item === 'string');
  if (list.length === 0 || !(strings || list.every((item) => Number.isFinite(item)))) {
    return report(path, `must be a string, a number, or a list of only strings or only numbers, found ${show(value)}`);
  }
  return { op: 'anything-but', not: list.map((item) => ({ op: 'equals', value: item as Scalar })) };
}
