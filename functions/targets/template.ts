// Text with {{ paths }} into a CloudEvent. Pure. Values come out of the data's own bytes, so a number reads as it was
// sent (1.10 stays 1.10, 9007199254740993 loses nothing); nothing is evaluated, and nothing in a value is a template.

import { RouterError } from '../../router/errors.ts';
import { type CloudEvent, dataValue } from '../../router/event.ts';
import { afterValue, memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';

type Path = readonly [root: string, ...keys: string[]];
type Part = string | Path;

export type Template = readonly Part[];

const ALLOWED =
  'allowed: {{ type }} or any other attribute, {{ data }}, {{ data_base64 }}, and paths such as {{ data.repository.full_name }} or {{ data.items.0.name }}';
// Keys of data may be anything but what would end the path.
const PATH = /^(?:data(?:\.[^\s.{}]+)*|data_base64|[a-z0-9]+)$/;

/** Throws CONFIG_INVALID with what is allowed. */
export function parseTemplate(text: string): Template {
  const refuse = (found: string): never => {
    throw new RouterError('CONFIG_INVALID', `${JSON.stringify(found.slice(0, 60))} is not understood; ${ALLOWED}`);
  };
  const parts: Part[] = [];
  let at = 0;
  while (at < text.length) {
    const begin = text.indexOf('{{', at);
    const literal = begin === -1 ? text.slice(at) : text.slice(at, begin);
    if (literal.includes('}}')) refuse(literal.slice(literal.indexOf('}}')));
    if (literal !== '') parts.push(literal);
    if (begin === -1) break;
    const end = text.indexOf('}}', begin);
    if (end === -1) return refuse(text.slice(begin));
    const path = text.slice(begin + 2, end).trim();
    if (!PATH.test(path)) refuse(text.slice(begin, end + 2));
    parts.push(path.split('.') as unknown as Path);
    at = end + 2;
  }
  return parts;
}

/** For option tables: what is wrong with a template, or undefined. */
export function templateProblem(text: string): string | undefined {
  try {
    parseTemplate(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * A path that leads nowhere, and a JSON null, give ''. A string gives its text; numbers, objects and lists give their
 * JSON as it was sent. `encode` is put on values only.
 */
export function render(template: Template, event: CloudEvent, encode: (value: string) => string): string {
  return template.map((part) => (typeof part === 'string' ? part : encode(valueAt(event, part)))).join('');
}

function valueAt(event: CloudEvent, [root, ...keys]: Path): string {
  if (root === 'data') return dataAt(event, keys);
  if (root === 'data_base64') return event.data?.kind === 'binary' ? event.data.bytes.toString('base64') : '';
  const value = Object.hasOwn(event.attributes, root) ? event.attributes[root] : undefined;
  return value === undefined ? '' : String(value);
}

function dataAt(event: CloudEvent, keys: readonly string[]): string {
  const data = event.data;
  if (data === undefined || data.kind === 'binary') return '';
  if (data.kind === 'text') return keys.length === 0 ? data.bytes.toString('utf8') : '';
  try {
    dataValue(event); // what follows relies on valid JSON
  } catch {
    return '';
  }
  let at = skipSpace(data.bytes, 0);
  for (const key of keys) {
    const inner = enter(data.bytes, at, key);
    if (inner === undefined) return '';
    at = inner;
  }
  const raw = data.bytes.toString('utf8', at, afterValue(data.bytes, at));
  if (raw === 'null') return '';
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
}

/** Where the member `key` of the object or list at `at` has its value. A key given twice: the last one counts. */
function enter(bytes: Buffer, at: number, key: string): number | undefined {
  if (bytes[at] === 0x7b) {
    return scanObject(bytes, at).members.findLast((member) => memberName(bytes, member) === key)?.start;
  }
  return bytes[at] === 0x5b && /^\d{1,9}$/.test(key) ? itemAt(bytes, at, Number(key)) : undefined;
}

function itemAt(bytes: Buffer, open: number, index: number): number | undefined {
  let at = skipSpace(bytes, open + 1);
  for (let i = 0; bytes[at] !== 0x5d; i++) {
    if (i === index) return at;
    at = skipSpace(bytes, afterValue(bytes, at));
    if (bytes[at] !== 0x2c) return undefined;
    at = skipSpace(bytes, at + 1);
  }
  return undefined;
}
