// What a field can hold in any event: the attributes by CloudEvents 1.0.2, the data by a JSON Schema where one is given.
// A name that no attribute can have holds nothing. Who matches sees attributes that are absent, never null, and data as
// parsed JSON or as a string.

import { nearest } from '../config.ts';
import { isNumberText, type Value } from '../match/scalar-test.ts';
import { anyValue, isEveryString, type Values } from './values.ts';

/** The part of JSON Schema that is heeded; whatever else a schema says is ignored. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

export type ValueKind = 'string' | 'number' | 'boolean' | 'null';

export interface Field {
  readonly path: string;
  /** Of the values that match; an object or a list is none. Empty: the field never has a value. */
  readonly kinds: ReadonlySet<ValueKind>;
  readonly mayBeAbsent: boolean;
  /** An attribute: one value, never within a list. */
  readonly isAttribute: boolean;
  readonly emptyText: boolean;
  /** The only value there can be. */
  readonly only?: Value;
  readonly integers?: { readonly min: number; readonly max: number };
  /** Who says so: "in every CloudEvent 'type' is a string". */
  readonly says: string;
}

/** Why a value cannot be there: its type is never that of the field, or the value is none of the field's. */
export interface Impossible {
  readonly kind: 'type' | 'value';
  readonly says: string;
}

const required: readonly string[] = ['specversion', 'id', 'source', 'type'];
const optional: readonly string[] = ['subject', 'time', 'datacontenttype', 'dataschema'];
const attributes = [...required, ...optional];
const NAME = /^[a-z0-9]+$/;
const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };
const all: ReadonlySet<ValueKind> = new Set<ValueKind>(['string', 'number', 'boolean', 'null']);
const none: ReadonlySet<ValueKind> = new Set<ValueKind>();
const strings: ReadonlySet<ValueKind> = new Set<ValueKind>(['string']);

function attribute(name: string): Field {
  const field = { path: name, isAttribute: true };
  if (name === 'specversion') {
    const says = '\'specversion\' is "1.0" in every event';
    return { ...field, kinds: strings, mayBeAbsent: false, emptyText: false, only: '1.0', says };
  }
  if (attributes.includes(name)) {
    const says = `'${name}' is a string in every CloudEvent`;
    return { ...field, kinds: strings, mayBeAbsent: !required.includes(name), emptyText: false, says };
  }
  const kinds = new Set<ValueKind>(['string', 'number', 'boolean']);
  const says = `'${name}' is an extension attribute: a string, a 32-bit integer or a boolean`;
  return { ...field, kinds, mayBeAbsent: true, emptyText: true, integers: INT32, says };
}

/** What is meant where a name cannot be an attribute's: a slip, EventBridge's own envelope, or a field of the data. */
function misnamed(path: string, name: string): string {
  if (path !== name) {
    const says = name === 'detail' ? "there is no 'detail'" : `'${name}' is an attribute, which has no fields below it`;
    return `${says}; what a source sends lies below 'data'`;
  }
  const meant = name === 'detail-type' ? 'type' : nearest(name.replace(/[^A-Za-z0-9]/g, ''), attributes);
  const hint = meant === undefined ? "a field of the data lies below 'data'" : `did you mean '${meant}'?`;
  return `no attribute can have the name '${name}', which is not all lower-case letters and digits; ${hint}`;
}

const jsonKinds: Readonly<Record<string, ValueKind>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
};

/** The schemas of what can stand at a place, lists opened, since a field of a list is each of its elements. */
function opened(schema: JsonSchema, depth = 0): readonly JsonSchema[] | undefined {
  const { type } = schema;
  // 50: a schema written as code may hold a circle.
  if (type === undefined || depth > 50) return undefined;
  const types = typeof type === 'string' ? [type] : type;
  const found: JsonSchema[] = [];
  for (const one of types) {
    if (one === 'array') {
      const items = schema.items === undefined ? undefined : opened(schema.items, depth + 1);
      if (items === undefined) return undefined;
      found.push(...items);
    } else found.push({ ...schema, type: one });
  }
  return found;
}

/** The schemas that a path leads to, or undefined where the schema leaves something open. */
function follow(schema: JsonSchema, names: readonly string[]): readonly JsonSchema[] | undefined {
  let here = opened(schema);
  for (const name of names) {
    const next: JsonSchema[] = [];
    for (const one of here ?? []) {
      if (one.type !== 'object') continue;
      const of = one.properties;
      const below = of !== undefined && Object.hasOwn(of, name) ? opened(of[name]!) : undefined;
      if (below === undefined) return undefined;
      next.push(...below);
    }
    if (here === undefined) return undefined;
    here = next;
  }
  return here;
}

function dataField(path: string, schema: JsonSchema | undefined): Field {
  const open = { path, kinds: all, mayBeAbsent: true, isAttribute: false, emptyText: true, says: 'data is open' };
  const found = schema === undefined ? undefined : follow(schema, path.split('.').slice(1));
  if (found === undefined) return open;
  const types = [...new Set(found.map(({ type }) => type as string))];
  if (types.some((type) => type !== 'object' && !Object.hasOwn(jsonKinds, type))) return open;
  const kinds = new Set(types.filter((type) => type !== 'object').map((type) => jsonKinds[type]!));
  const whole = types.includes('integer') && !types.includes('number');
  const integers = whole ? { integers: { min: -Infinity, max: Infinity } } : {};
  const says = `the schema of the data has ${types.join(' or ') || 'nothing'} at '${path}'`;
  return { ...open, kinds, ...integers, says };
}

/** The field that a path of names joined by '.' means. */
export function fieldOf(path: string, data: JsonSchema | undefined): Field {
  const name = path.split('.', 1)[0]!;
  if (name === 'data') return dataField(path, data);
  if (name === path && name === 'data_base64') {
    const says = "'data_base64' is a string where it is there";
    return { path, kinds: strings, mayBeAbsent: true, isAttribute: true, emptyText: true, says };
  }
  if (name === path && NAME.test(name)) return attribute(name);
  return { path, kinds: none, mayBeAbsent: true, isAttribute: true, emptyText: false, says: misnamed(path, name) };
}

function kindOf(value: Value): ValueKind {
  if (value === null) return 'null';
  return isNumberText(value) ? 'number' : (typeof value as ValueKind);
}

function holdsInteger({ integers }: Field, low: number, high: number): boolean {
  return integers === undefined || Math.ceil(Math.max(low, integers.min)) <= Math.floor(Math.min(high, integers.max));
}

function impossibleOne(value: Value, field: Field): string | undefined {
  if (value === '' && !field.emptyText) return `'${field.path}' is never empty`;
  if (isNumberText(value)) return field.isAttribute ? field.says : undefined;
  if (typeof value !== 'number' || field.integers === undefined) return undefined;
  return Number.isInteger(value) && holdsInteger(field, value, value) ? undefined : field.says;
}

function onlyStrings({ kinds }: Field): boolean {
  return kinds.size === 1 && kinds.has('string');
}

/** Why no value of the set can be in the field; undefined where one can, as far as is known. */
export function impossible(values: Values, field: Field): Impossible | undefined {
  const { kinds, says } = field;
  const wrongType = (wanted: ValueKind): Impossible | undefined =>
    kinds.has(wanted) ? undefined : { kind: 'type', says };
  if (kinds.size === 0) return { kind: 'value', says };
  if (field.only !== undefined && !values.has(field.only)) {
    const typed = values.kind === 'number' || (values.kind === 'one' && !kinds.has(kindOf(values.value)));
    return { kind: typed ? 'type' : 'value', says };
  }
  switch (values.kind) {
    case 'any':
      return undefined;
    case 'one': {
      const why = impossibleOne(values.value, field);
      return wrongType(kindOf(values.value)) ?? (why === undefined ? undefined : { kind: 'value', says: why });
    }
    case 'number': {
      // An open end at an integer leaves that integer out.
      const low = values.withLow || !Number.isInteger(values.low) ? values.low : values.low + 1;
      const high = values.withHigh || !Number.isInteger(values.high) ? values.high : values.high - 1;
      return wrongType('number') ?? (holdsInteger(field, low, high) ? undefined : { kind: 'value', says });
    }
    case 'but':
      return onlyStrings(field) && values.not.some(isEveryString) ? { kind: 'value', says } : undefined;
    default:
      return wrongType('string');
  }
}

/** The set as far as the field goes: undefined where they do not meet, `any` where it takes whatever can be there. */
export function withinField(values: Values, field: Field): Values | undefined {
  if (impossible(values, field) !== undefined) return undefined;
  if (field.only !== undefined) return anyValue;
  if (onlyStrings(field) && isEveryString(values)) return anyValue;
  if (values.kind !== 'but') return values;
  const not = values.not.filter((out) => impossible(out, field) === undefined);
  if (not.length === 0) return anyValue;
  return not.length === values.not.length ? values : { ...values, not };
}
