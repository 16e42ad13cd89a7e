// Filters of the CloudEvents Subscriptions API: read, with every mistake refused, and as a formula. An attribute that is an
// integer or a boolean is compared by its text, as its string encoding and the header bindings have it. An event that lacks
// the attribute fails the filter, so 'not' around it passes.
// Source: cloudevents/spec subscriptions/spec.md 0.1-wip, section 3.2.4.

import { parseCesql } from '../cesql/parse.ts';
import { show, unknownName } from '../config.ts';
import { RouterError, toRouterError } from '../errors.ts';
import { type JsonTree, readJsonTree, showTree } from '../wire/json-tree.ts';
import { asText, isAttributeName } from './claim.ts';
import { allOf, anyOf, type Formula, negated } from './formula.ts';
import { sqlFormula } from './from-cesql.ts';
import { listedTexts, type TextSet, textsOfParts } from './text-set.ts';

export type AttributeTexts = Readonly<Record<string, string>>;

export type Filter =
  | { readonly exact: AttributeTexts }
  | { readonly prefix: AttributeTexts }
  | { readonly suffix: AttributeTexts }
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter }
  /** CESQL text. */
  | { readonly sql: string };

const dialects: readonly string[] = ['exact', 'prefix', 'suffix', 'all', 'any', 'not', 'sql'];
// Far over any real one; reading is recursive.
const MAX_DEPTH = 50;

interface Place {
  readonly path: string;
  readonly depth: number;
}

function refuse({ path }: Place, says: string): never {
  throw new RouterError('PATTERN_INVALID', `subscription filters: ${path}: ${says}`, { path });
}

function below({ path, depth }: Place, name: string): Place {
  return { path: `${path}${name}`, depth: depth + 1 };
}

function readTexts(value: JsonTree, place: Place): AttributeTexts {
  if (value.kind !== 'object') refuse(place, `must be an object of attributes, found ${showTree(value)}`);
  if (value.members.length === 0) refuse(place, 'must name at least one attribute');
  const texts = new Map<string, string>();
  for (const [name, of] of value.members) {
    const at = below(place, `.${name}`);
    if (name === 'data') refuse(at, 'filters see attributes only, not the data; promote the field to an extension');
    if (!isAttributeName(name)) {
      refuse(at, `must be the name of an attribute, lower-case letters and digits, found ${show(name)}`);
    }
    if (texts.has(name)) refuse(at, 'is written twice; a name may stand only once');
    if (of.kind !== 'string' || of.value === '')
      refuse(at, `must be a string that is not empty, found ${showTree(of)}`);
    texts.set(name, of.value);
  }
  return Object.fromEntries(texts);
}

function readList(value: JsonTree, place: Place): readonly Filter[] {
  if (value.kind !== 'list') refuse(place, `must be a list of filters, found ${showTree(value)}`);
  if (value.items.length === 0) refuse(place, 'must hold at least one filter');
  return value.items.map((item, i) => readFilter(item, below(place, `[${i}]`)));
}

function readSql(value: JsonTree, place: Place): Filter {
  if (value.kind !== 'string') refuse(place, `must be a CESQL expression as a string, found ${showTree(value)}`);
  try {
    parseCesql(value.value);
  } catch (cause) {
    refuse(place, toRouterError(cause).message);
  }
  return { sql: value.value };
}

function readFilter(value: JsonTree, place: Place): Filter {
  if (place.depth > MAX_DEPTH) refuse(place, `is nested deeper than ${MAX_DEPTH} levels`);
  if (value.kind !== 'object') refuse(place, `must be an object such as { "exact": { … } }, found ${showTree(value)}`);
  const [first, second] = value.members;
  if (first === undefined || second !== undefined) {
    const found = value.members.map(([name]) => name).join(', ') || 'none';
    refuse(place, `must hold one dialect, found ${found}; filters that must all hold are separate items`);
  }
  const [name, of] = first;
  const at = below(place, `.${name}`);
  switch (name) {
    case 'exact':
      return { exact: readTexts(of, at) };
    case 'prefix':
      return { prefix: readTexts(of, at) };
    case 'suffix':
      return { suffix: readTexts(of, at) };
    case 'all':
      return { all: readList(of, at) };
    case 'any':
      return { any: readList(of, at) };
    case 'not':
      return { not: readFilter(of, at) };
    case 'sql':
      return readSql(of, at);
    default:
      refuse(place, unknownName('dialect', name, dialects));
  }
}

/** The `filters` of a subscription, or one filter alone. Throws PATTERN_INVALID with the path of the first mistake. */
export function readFilters(text: string): readonly Filter[] {
  let tree: JsonTree;
  try {
    tree = readJsonTree(text);
  } catch (cause) {
    throw new RouterError('PATTERN_INVALID', `subscription filters: ${toRouterError(cause).message}`, { cause });
  }
  const place = { path: 'filters', depth: 0 };
  if (tree.kind === 'object') return [readFilter(tree, place)];
  if (tree.kind !== 'list') refuse(place, `must be a list of filters, found ${showTree(tree)}`);
  return tree.items.map((item, i) => readFilter(item, below(place, `[${i}]`)));
}

function textsFormula(texts: AttributeTexts, dialect: string, setOf: (text: string) => TextSet): Formula {
  return allOf(
    Object.entries(texts).map(([name, text]) =>
      asText(name, setOf(text), [JSON.stringify({ [dialect]: { [name]: text } })]),
    ),
  );
}

function filterFormula(filter: Filter): Formula {
  if ('exact' in filter) return textsFormula(filter.exact, 'exact', (text) => listedTexts([text]));
  if ('prefix' in filter) return textsFormula(filter.prefix, 'prefix', (text) => textsOfParts([text, '']));
  if ('suffix' in filter) return textsFormula(filter.suffix, 'suffix', (text) => textsOfParts(['', text]));
  if ('all' in filter) return allOf(filter.all.map(filterFormula));
  if ('any' in filter) return anyOf(filter.any.map(filterFormula));
  if ('not' in filter) return negated(filterFormula(filter.not));
  return sqlFormula(parseCesql(filter.sql));
}

/** All of them must hold; none at all holds always. Throws PATTERN_INVALID where sql is no CESQL. */
export function filtersFormula(filters: readonly Filter[]): Formula {
  return allOf(filters.map(filterFormula));
}
