// Reads a parsed JSON value: only the names that rules use are looked at. Numbers are doubles here; their text is gone.

import { type FieldNode, lookupOf } from './fields.ts';
import { enterArray, enterMember, leaveArray, put, type Reading } from './reading.ts';

/** Arrays directly in arrays are held on a list, not on the stack: their depth is the event's alone. */
interface OpenArray {
  readonly items: readonly unknown[];
  readonly array: number;
  readonly member: number;
  next: number;
}

function openArray(reading: Reading, items: readonly unknown[], member: number): OpenArray {
  return { items, array: enterArray(reading), member, next: 0 };
}

function readArray(reading: Reading, node: FieldNode, items: readonly unknown[], member: number): void {
  const outer: OpenArray[] = [];
  let open = openArray(reading, items, member);
  for (;;) {
    if (open.next === open.items.length) {
      leaveArray(reading, open.array);
      const parent = outer.pop();
      if (parent === undefined) return;
      open = parent;
      continue;
    }
    const item = open.items[open.next++];
    if (typeof item !== 'object' || item === null) readValue(reading, node, item, open.member);
    else {
      const inside = enterMember(reading, open.array, open.member);
      if (Array.isArray(item)) {
        outer.push(open);
        open = openArray(reading, item, inside);
      } else readValue(reading, node, item, inside);
    }
  }
}

/** Reads the members of an object that stands in `member`; recursion is as deep as the paths that rules name. */
export function readObject(
  reading: Reading,
  node: FieldNode,
  object: Readonly<Record<string, unknown>>,
  member: number,
): void {
  const { few, nodes, byName } = lookupOf(node);
  if (few !== undefined) {
    for (let i = 0; i < few.length; i++) {
      const value = object[few[i]!];
      if (value !== undefined) readValue(reading, nodes[i]!, value, member);
    }
    return;
  }
  for (const name in object) {
    const child = byName.get(name);
    if (child !== undefined && Object.hasOwn(object, name)) readValue(reading, child, object[name], member);
  }
}

export function readValue(reading: Reading, node: FieldNode, value: unknown, member: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      if (node.slot !== -1) put(reading, node.slot, value, member);
      return;
    case 'number':
      if (node.slot !== -1) put(reading, node.slot, Number.isFinite(value) ? value : { text: String(value) }, member);
      return;
    case 'object':
      if (value === null) {
        if (node.slot !== -1) put(reading, node.slot, value, member);
      } else if (Array.isArray(value)) readArray(reading, node, value, member);
      else if (node.children.size > 0) readObject(reading, node, value as Readonly<Record<string, unknown>>, member);
  }
}
