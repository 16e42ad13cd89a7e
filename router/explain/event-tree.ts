// An event as the JSON tree that rules are about: attributes by name, and the parsed data as `data`. For explaining;
// matching reads bytes. Never throws: data that is not what it says is absent, as it is for matching.

import type { AttributeValue, CloudEvent, EventData } from '../event.ts';
import { type JsonTree, readJsonTree } from '../wire/json-tree.ts';

function attributeTree(value: AttributeValue): JsonTree {
  if (typeof value === 'string') return { kind: 'string', value };
  return typeof value === 'number' ? { kind: 'number', text: String(value) } : { kind: 'literal', value };
}

function scalarTree(value: unknown): JsonTree {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value !== 'number') return { kind: 'literal', value: value as boolean | null };
  // JSON.parse reads 1e999 as infinity, which has no text of its own in JSON.
  return { kind: 'number', text: Number.isFinite(value) ? String(value) : `${value < 0 ? '-' : ''}1e999` };
}

/** The tree of what JSON.parse gave, however deep: nothing here is recursive. Repeated names and number texts are gone. */
function parsedTree(parsed: unknown): JsonTree {
  const todo: (() => void)[] = [];
  // What is inside a list or an object is filled in later.
  const shellOf = (value: unknown): JsonTree => {
    if (typeof value !== 'object' || value === null) return scalarTree(value);
    if (Array.isArray(value)) {
      const items: JsonTree[] = [];
      todo.push(() => {
        for (const item of value) items.push(shellOf(item));
      });
      return { kind: 'list', items };
    }
    const members: (readonly [string, JsonTree])[] = [];
    todo.push(() => {
      for (const [name, member] of Object.entries(value)) members.push([name, shellOf(member)]);
    });
    return { kind: 'object', members };
  };
  const root = shellOf(parsed);
  for (let fill = todo.pop(); fill !== undefined; fill = todo.pop()) fill();
  return root;
}

function jsonTree(text: string): JsonTree | undefined {
  try {
    return readJsonTree(text);
  } catch {
    // Not JSON, or deeper than that reader goes.
  }
  try {
    return parsedTree(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function dataTree(data: EventData): JsonTree | undefined {
  if (data.kind === 'binary') return undefined;
  const text = data.bytes.toString('utf8');
  return data.kind === 'json' ? jsonTree(text) : { kind: 'string', value: text };
}

/** Binary data, and JSON bytes that do not parse, are absent. */
export function eventTree({ attributes, data }: CloudEvent): JsonTree {
  const members: (readonly [string, JsonTree])[] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) members.push([name, attributeTree(value)]);
  }
  const tree = data === undefined ? undefined : dataTree(data);
  if (tree !== undefined) members.push(['data', tree]);
  return { kind: 'object', members };
}
