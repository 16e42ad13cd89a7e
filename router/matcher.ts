// Does a pattern match an event? Reads only the fields the pattern names; never walks the whole event, so that deep or
// huge data costs nothing. Arrays: a leaf matches if any element does; fields named below one array of objects must
// hold in the same element.

import { type CloudEvent, dataValue } from './event.ts';
import type { Bound, Leaf, Pattern, Scalar, Test } from './pattern.ts';

type Predicate = (value: unknown) => boolean;

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value !== 'object';
}

function withinBound(value: number, bound: Bound): boolean {
  switch (bound.op) {
    case '=':
      return value === bound.value;
    case '<':
      return value < bound.value;
    case '<=':
      return value <= bound.value;
    case '>':
      return value > bound.value;
    case '>=':
      return value >= bound.value;
  }
}

/** A test over one scalar that is there. */
function scalarTest(test: Exclude<Test, { op: 'exists' }>): (value: Scalar) => boolean {
  switch (test.op) {
    case 'equals':
      return (value) => value === test.value;
    case 'prefix':
      return (value) => typeof value === 'string' && value.startsWith(test.value);
    case 'suffix':
      return (value) => typeof value === 'string' && value.endsWith(test.value);
    case 'numeric':
      return (value) => typeof value === 'number' && test.bounds.every((bound) => withinBound(value, bound));
    case 'anything-but': {
      const excluded = test.not.map((not) => scalarTest(not as Exclude<Test, { op: 'exists' }>));
      return (value) => !excluded.some((matches) => matches(value));
    }
  }
}

/** Calls `visit` on each scalar of a value, arrays flattened, until one answers true. Iterative: depth is the event's. */
function someScalar(value: unknown, visit: (scalar: Scalar) => boolean): boolean {
  if (isScalar(value)) return value !== undefined && visit(value);
  if (!Array.isArray(value)) return false;
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if (Array.isArray(next)) for (const item of next) stack.push(item);
    else if (isScalar(next) && next !== undefined && visit(next)) return true;
  }
  return false;
}

function compileLeaf(leaf: Leaf): Predicate {
  const tests = leaf.anyOf.filter((test) => test.op !== 'exists').map(scalarTest);
  const presence = leaf.anyOf.filter((test) => test.op === 'exists').map((test) => test.value);
  const [only] = tests;
  const any =
    tests.length === 1 && only !== undefined ? only : (value: Scalar) => tests.some((matches) => matches(value));
  return (value) => {
    if (presence.length > 0 && presence.includes(someScalar(value, () => true))) return true;
    if (typeof value === 'string') return any(value);
    return someScalar(value, any);
  };
}

/** True where every leaf only asks for absence: over an array of objects that must hold for all elements. */
function onlyAbsence(pattern: Pattern): boolean {
  return (
    pattern.or.length === 0 &&
    pattern.fields.every(([, of]) =>
      of.kind === 'leaf' ? of.anyOf.every((test) => test.op === 'exists' && !test.value) : onlyAbsence(of),
    )
  );
}

/** The objects among the elements of a value, nested arrays flattened. */
function objectsIn(value: unknown): readonly object[] {
  const found: object[] = [];
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const next = stack.pop();
    if (Array.isArray(next)) for (const item of next) stack.push(item);
    else if (typeof next === 'object' && next !== null) found.push(next);
  }
  return found;
}

function compileFields(pattern: Pattern): Predicate {
  const fields = pattern.fields.map(
    ([name, of]) => [name, of.kind === 'leaf' ? compileLeaf(of) : compileFields(of)] as const,
  );
  const or = pattern.or.map((alternatives) => alternatives.map(compileFields));
  const absence = onlyAbsence(pattern);
  const inObject = (value: object | undefined): boolean => {
    for (const [name, matches] of fields) {
      const member = value !== undefined && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      if (!matches(member)) return false;
    }
    return or.every((alternatives) => alternatives.some((matches) => matches(value)));
  };
  return (value) => {
    if (!Array.isArray(value)) return inObject(typeof value === 'object' && value !== null ? value : undefined);
    const objects = objectsIn(value);
    if (objects.length === 0) return inObject(undefined);
    return absence ? objects.every(inObject) : objects.some(inObject);
  };
}

/** Bytes that say JSON and are not have no value to look at; the event is still routed by its attributes. */
function lookedAt(event: CloudEvent): unknown {
  try {
    return dataValue(event);
  } catch {
    return undefined;
  }
}

/** A pattern as a function over events that never throws: attributes by name, and the parsed data as `data`. */
export function compilePattern(pattern: Pattern): (event: CloudEvent) => boolean {
  const fields = pattern.fields.filter(([name]) => name !== 'data');
  const data = pattern.fields.filter(([name]) => name === 'data');
  const onAttributes = compileFields({ ...pattern, fields, or: [] });
  const onData = data.map(([, of]) => (of.kind === 'leaf' ? compileLeaf(of) : compileFields(of)));
  const or = pattern.or.map((alternatives) => alternatives.map(compilePattern));
  return (event) => {
    if (!onAttributes(event.attributes)) return false;
    // Attributes first: most events are sorted out before their data is ever parsed.
    for (const matches of onData) if (!matches(lookedAt(event))) return false;
    return or.every((alternatives) => alternatives.some((matches) => matches(event)));
  };
}
