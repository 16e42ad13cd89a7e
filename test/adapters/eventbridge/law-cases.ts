// Random rules and events that are near to each other: most rules are made from what the event holds, so that much matches.
// They name what services are known to misread too: quotes, letters beyond ASCII, spellings of addresses, numbers without a
// double, names with dots, names that repeat, bytes that are no text.

import { parseCesql } from '../../../router/cesql/parse.ts';
import type { Condition } from '../../../router/condition.ts';
import { RouterError } from '../../../router/errors.ts';
import { binaryData, type CloudEvent, dataValue, type EventData, jsonData, textData } from '../../../router/event.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { type Below, randomEvent, randomPattern } from '../../harness/patterns.ts';

const texts = [
  '',
  'x',
  'xy',
  'Xyz',
  'a"b',
  '"',
  'q"',
  'ß',
  'é',
  '😀',
  'a😀',
  'K',
  'ſ',
  'com.a.push',
  '10.0.0.1',
  '010.0.0.1',
  '::1',
  '2001:db8::7',
  'a*b\\c',
  'a?',
];
const numbers = [
  '0',
  '-0',
  '1',
  '1.0',
  '10e-1',
  '250.5',
  '5000000000',
  '12345678901',
  '9007199254740993',
  '1e400',
  '2e23',
  '0.1234567',
];
const words = ['true', 'false', 'null'];
const types = ['com.a.push', 'com.a.pull', 'com.b', 'X'];
const sources = ['/a', '/a/b', 'urn:x:1', '#f'];

function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)]!;
}

function scalarText(below: Below): string {
  const kind = below(8);
  if (kind < 5) return JSON.stringify(pick(below, texts));
  return pick(below, kind < 7 ? numbers : words);
}

function bodyText(below: Below, depth = 0): string {
  const kind = below(depth < 3 ? 10 : 4);
  if (kind < 4) return scalarText(below);
  if (kind < 5) return randomEvent(below, 1);
  if (kind < 8) {
    const names = ['a', 'b', 'items', 'user', 'a.b'];
    const members = Array.from({ length: 1 + below(3) }, () => `"${pick(below, names)}":${bodyText(below, depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  return `[${Array.from({ length: below(4) }, () => bodyText(below, depth + 1)).join(',')}]`;
}

function dataOf(below: Below): { readonly datacontenttype?: string; readonly data?: EventData } {
  const kind = below(12);
  if (kind === 0) return {};
  if (kind === 1) return { datacontenttype: 'text/plain', data: textData(pick(below, texts)) };
  if (kind === 2) return { datacontenttype: 'image/png', data: binaryData(Buffer.from(pick(below, texts))) };
  if (kind === 3) return { data: binaryData(Buffer.from([0, 255])) };
  const data = jsonData(Buffer.from(bodyText(below)));
  return kind < 8 ? { data } : { datacontenttype: 'application/json', data };
}

export function randomCloudEvent(below: Below): CloudEvent {
  const { datacontenttype, data } = dataOf(below);
  const some = (name: string, value: () => string | number | boolean): object =>
    below(2) === 0 ? { [name]: value() } : {};
  const attributes = {
    specversion: '1.0' as const,
    id: `e${below(100)}`,
    source: pick(below, sources),
    type: pick(below, types),
    ...some('subject', () =>
      pick(
        below,
        texts.filter((text) => text !== ''),
      ),
    ),
    ...some('time', () => pick(below, ['2026-11-21T10:00:00Z', '2016-12-31T23:59:60Z', '0001-01-01T00:00:00+01:00'])),
    ...some('ext', () => pick<string | number | boolean>(below, [...texts, 0, -7, 2147483647, true, false])),
    ...(datacontenttype === undefined ? {} : { datacontenttype }),
  };
  return data === undefined ? { attributes } : { attributes, data };
}

type Path = readonly string[];

/** Every leaf of a parsed event, with the names that lead there. */
function* leavesOf(value: unknown, path: Path): Generator<readonly [Path, unknown]> {
  if (Array.isArray(value)) for (const item of value) yield* leavesOf(item, path);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) yield* leavesOf(member, [...path, name]);
  } else yield [path, value];
}

const swapped = (text: string): string => (text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase());
const escaped = (text: string): string => text.replace(/[*\\]/g, '\\$&');

/** Another spelling of the same address, where it is one. */
function respelled(text: string): string {
  return text
    .replace(/^0*10\.0\.0\.1$/, (found) => (found === '10.0.0.1' ? '010.0.0.01' : '10.0.0.1'))
    .replace(/^::1$/, '0:0::1');
}

/** A test that takes the text, or nearly. */
function textTest(below: Below, text: string): string {
  const cut = below(text.length + 1);
  const operand = (value: unknown): string => JSON.stringify(value);
  const tests: readonly (() => string)[] = [
    () => operand(text),
    () => operand(respelled(text)),
    () => `{"prefix":${operand(text.slice(0, cut))}}`,
    () => `{"suffix":${operand(text.slice(cut))}}`,
    () => `{"prefix":{"equals-ignore-case":${operand(swapped(text.slice(0, cut)))}}}`,
    () => `{"suffix":{"equals-ignore-case":${operand(swapped(text.slice(cut)))}}}`,
    () => `{"equals-ignore-case":${operand(swapped(text))}}`,
    () => `{"wildcard":${operand(`${escaped(text.slice(0, cut))}*${escaped(text.slice(cut + below(2)))}`)}}`,
    () => `{"anything-but":${operand(pick(below, texts))}}`,
    () =>
      `{"anything-but":{"prefix":${operand(
        pick(
          below,
          texts.filter((one) => one !== ''),
        ),
      )}}}`,
    () =>
      `{"anything-but":{"suffix":[${operand(
        pick(
          below,
          texts.filter((one) => one !== ''),
        ),
      )},"zz"]}}`,
    () => `{"anything-but":{"equals-ignore-case":${operand(swapped(pick(below, texts)))}}}`,
    () => `{"anything-but":{"wildcard":${operand(`${escaped(pick(below, texts))}*`)}}}`,
    () => `{"cidr":"${pick(below, ['10.0.0.0/24', '0.0.0.0/0', '2001:db8::/32', '::/8', '10.0.0.0/31'])}"}`,
  ];
  return pick(below, tests)();
}

function numberTest(below: Below, value: number): string {
  const n = Number.isFinite(value) ? value : 7;
  const tests: readonly string[] = [
    String(n),
    `${n}`,
    `{"numeric":["=",${n}]}`,
    `{"numeric":[">=",${n}]}`,
    `{"numeric":["<",${n + 1}]}`,
    `{"numeric":[">",${n - 1},"<=",${n + 0.5}]}`,
    `{"anything-but":[${pick(below, ['1', '250.5', '7'])}]}`,
    pick(below, numbers),
  ];
  return pick(below, tests);
}

function testFor(below: Below, value: unknown): string {
  const kind = below(10);
  if (kind === 0) return '{"exists":true}';
  if (kind === 1) return '{"anything-but":"nobody"}';
  if (typeof value === 'string') return textTest(below, value);
  return typeof value === 'number' ? numberTest(below, value) : String(value);
}

interface Fields {
  [name: string]: Fields | string;
}

/** Sets a leaf list where no other stands; the text of JSON is made at the end. */
function put(fields: Fields, path: Path, list: string): void {
  const [name = '', ...rest] = path;
  const there = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (rest.length === 0) {
    if (there === undefined) fields[name] = list;
  } else if (there === undefined || typeof there === 'object') {
    const below = there ?? {};
    fields[name] = below;
    put(below, rest, list);
  }
}

function write(fields: Fields): string {
  const members = Object.entries(fields).map(
    ([name, of]) => `${JSON.stringify(name)}:${typeof of === 'string' ? of : write(of)}`,
  );
  return `{${members.join(',')}}`;
}

function jsonValueOf(event: CloudEvent): unknown {
  return event.data === undefined ? undefined : dataValue(event);
}

/** The JSON text of a pattern that mostly matches the event. */
function patternNear(below: Below, event: CloudEvent): string {
  const { attributes } = event;
  const leaves = [...leavesOf({ ...attributes, data: jsonValueOf(event) }, [])].filter(
    ([, value]) => value !== undefined,
  );
  const fields: Fields = {};
  for (let i = 1 + below(3); i > 0; i--) {
    const [path, value] = pick(below, leaves);
    const others = Array.from({ length: below(3) }, () => scalarText(below));
    put(fields, path, `[${[testFor(below, value), ...others].join(',')}]`);
  }
  // Beside a leaf, so below the same array if there is one.
  if (below(5) === 0) {
    const [path] = pick(below, leaves);
    put(fields, [...path.slice(0, -1), pick(below, ['a', 'b', 'missing'])], '[{"exists":false}]');
  }
  if (below(6) === 0)
    put(fields, pick(below, [['missing'], ['data', 'missing'], ['data_base64']]), '[{"exists":false}]');
  if (below(40) === 0) put(fields, ['data_base64'], '[{"exists":true}]');
  const text = write(fields);
  if (below(6) !== 0) return text;
  const other = below(2) === 0 ? `{"type":["${pick(below, types)}"]}` : `{"data":${randomPattern(below, 1)}}`;
  // A field of the same path beside $or is set twice: a document may not, the library takes it.
  return below(2) === 0
    ? `{"$or":[${text},${other}]}`
    : `{"$or":[{"source":[{"prefix":""}]},${other}],${text.slice(1)}`;
}

// Attributes only: what CESQL can ask about.
const expressions = [
  "type = 'com.a.push'",
  "type LIKE 'com.a.%' AND NOT (subject = 'xy')",
  "source IN ('/a', 'urn:x:1') OR ext = -7",
  'EXISTS subject AND ext > 0',
  'ext = TRUE',
  "NOT EXISTS time XOR type = 'X'",
  "LENGTH(subject) > 2 AND source = '/a'",
  "UPPER(type) = 'X' OR type != 'com.b'",
  "subject LIKE '%\"%'",
  "ext = 'é' OR LOWER(ext) = 'xyz'",
  "datacontenttype LIKE '%json'",
];

export interface LawCase {
  /** As it was written. */
  readonly text: string;
  readonly when: Condition;
  readonly event: CloudEvent;
}

/** Undefined where what came out is no rule, which is seldom. */
function conditionNear(
  below: Below,
  event: CloudEvent,
): { readonly text: string; readonly when: Condition } | undefined {
  const kind = below(20);
  if (kind === 0) {
    const text = pick(below, expressions);
    return { text, when: { kind: 'cesql', text, expression: parseCesql(text) } };
  }
  const text = kind < 5 ? `{"data":${randomPattern(below)}}` : patternNear(below, event);
  try {
    return { text, when: readPatternText(text) };
  } catch (thrown) {
    if (thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID') return undefined;
    throw thrown;
  }
}

export function randomCase(below: Below): LawCase {
  for (;;) {
    const event = randomCloudEvent(below);
    const condition = conditionNear(below, event);
    if (condition !== undefined) return { ...condition, event };
  }
}
