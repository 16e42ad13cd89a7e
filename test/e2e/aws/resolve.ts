// Intrinsic functions of a CloudFormation template -> values. Strict: a function, a name or an attribute that is not known is
// an error and never an empty text, because a stack that came out a little different would prove nothing.
// Source: CloudFormation template reference, "Intrinsic functions" (read 2026-11-21).

import { isObject } from '../../../router/config.ts';

/** What stands for the resources that were made, and for 'AWS::Region' and its like. */
export interface Known {
  /** Undefined where there is no such thing. */
  ref(name: string): string | undefined;
  attribute(id: string, name: string): string | undefined;
}

function refuse(says: string): never {
  throw new Error(`template: ${says}`);
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  return refuse(`${where} must be a text, found ${JSON.stringify(value)}`);
}

function refOf(name: unknown, known: Known): string {
  const id = textOf(name, 'Ref');
  return known.ref(id) ?? refuse(`Ref '${id}' names nothing that is made here`);
}

function attributeOf(given: unknown, known: Known): string {
  const whole = Array.isArray(given)
    ? given.map((part) => textOf(part, 'Fn::GetAtt')).join('.')
    : textOf(given, 'Fn::GetAtt');
  const [id = '', ...rest] = whole.split('.');
  const found = known.attribute(id, rest.join('.'));
  return found ?? refuse(`Fn::GetAtt '${whole}' names nothing that is made here`);
}

function joinOf(given: unknown, known: Known): string {
  if (!Array.isArray(given) || given.length !== 2 || !Array.isArray(given[1])) {
    return refuse(`Fn::Join must be [separator, [texts]], found ${JSON.stringify(given)}`);
  }
  const [separator, parts] = given as [unknown, unknown[]];
  return parts.map((part) => textOf(resolveValue(part, known), 'Fn::Join')).join(textOf(separator, 'Fn::Join'));
}

/** Of a text, or of [text, { name: value }]. '${!x}' is '${x}' as it stands. */
function subOf(given: unknown, known: Known): string {
  const [text, own] = Array.isArray(given) ? given : [given, {}];
  const values = isObject(own) ? own : {};
  return textOf(text, 'Fn::Sub').replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal !== '') return `\${${name}}`;
    if (Object.hasOwn(values, name)) return textOf(resolveValue(values[name], known), 'Fn::Sub');
    return name.includes('.') ? attributeOf(name, known) : refOf(name, known);
  });
}

const functions: Readonly<Record<string, (given: unknown, known: Known) => string>> = {
  Ref: refOf,
  'Fn::GetAtt': attributeOf,
  'Fn::Join': joinOf,
  'Fn::Sub': subOf,
};

/** 'Condition' is a function over a name; over an object it is a policy's. */
function isFunction(name: string, given: unknown): boolean {
  return name === 'Ref' || name.startsWith('Fn::') || (name === 'Condition' && typeof given === 'string');
}

/** Throws Error for whatever it does not know. */
export function resolveValue(value: unknown, known: Known): unknown {
  if (Array.isArray(value)) return value.map((one) => resolveValue(one, known));
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  const [call, ...others] = entries.filter(([name, given]) => isFunction(name, given));
  if (call === undefined) return Object.fromEntries(entries.map(([name, one]) => [name, resolveValue(one, known)]));
  const [name, given] = call;
  if (entries.length > 1 || others.length > 0) refuse(`'${name}' must stand alone, found ${JSON.stringify(value)}`);
  const run = functions[name] ?? refuse(`'${name}' is not known here; known: ${Object.keys(functions).join(', ')}`);
  return run(given, known);
}

/** The names that a value refers to: what has to be there first. Throws as resolveValue. */
export function referencesIn(value: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const note = (name: string): string => {
    found.add(name);
    return name;
  };
  resolveValue(value, { ref: note, attribute: note });
  return found;
}
