// Random rules and events that are near to each other, for the filter law of Pub/Sub: mostly about attributes, because
// filters see nothing else. Rules are made from what the event holds, so that much matches. The texts are those that a
// filter language misreads: quotes, backslashes, what looks like a number or a truth, addresses, half characters.

import { parseCesql } from '../../../router/cesql/parse.ts';
import type { Condition } from '../../../router/condition.ts';
import { RouterError } from '../../../router/errors.ts';
import { type Attributes, type CloudEvent, jsonData } from '../../../router/event.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { type Below, randomPattern } from '../../harness/patterns.ts';
import { seededRandom } from '../../harness/random.ts';

export interface LawCase {
  /** As it is written: JSON of a pattern, or CESQL. */
  readonly text: string;
  readonly when: Condition;
  readonly event: CloudEvent;
}

const texts = [
  ...['com.a.push', 'com.a.pull', 'com.a', 'com.b', 'x', 'xy', 'X', 'a"b', 'a\\b', '\\', '"', '("', ' AND ', "it's"],
  ...['5', '05', '-1', '0', '+5', '2147483647', '5000000000', '5.0', 'true', 'TRUE', 'false', 'tr', 'null', '-'],
  ...[
    '10.0.0.1',
    '010.0.0.1',
    '::1',
    '0:0:0:0:0:0:0:1',
    'ß',
    'é',
    'e\u0301',
    '😀',
    '😁',
    '日本',
    'a*b',
    'a%b',
    'a_b',
    ' a ',
  ],
];
const addresses = [
  ['10.0.0.1', '010.0.0.1', '::ffff:10.0.0.1'],
  ['::1', '0:0:0:0:0:0:0:1', '0::1'],
];
const oddities = ['', 'a\u0000', '\ud83d', '\u007f', 'n\nn'];
const sources = ['/a', '/a/b', 'urn:x:1', '#f', '10.0.0.1', "/it's"];
const numbers = ['5', '-1', '0', '-0', '5.0', '5e0', '2147483647', '5000000000', '0.5', '1e400', '9007199254740993'];
const names = ['type', 'source', 'subject', 'id', 'time', 'ext', 'n', 'flag', 'partitionkey', 'missing', 'Bad', 'a.b'];

const pick = <T>(below: Below, from: readonly T[]): T => from[below(from.length)]!;
const json = JSON.stringify;

function eventOf(below: Below): CloudEvent {
  const text = (): string => pick(below, texts);
  const extension = (): string | number | boolean =>
    pick(below, [text(), text(), pick(below, [5, -1, 0, 2147483647]), below(2) === 0, '']);
  const attributes: Record<string, string | number | boolean> = {
    specversion: '1.0',
    id: text(),
    source: pick(below, sources),
    type: text(),
  };
  if (below(2) === 0) attributes['subject'] = text();
  if (below(6) === 0) attributes['time'] = '2026-01-02T03:04:05Z';
  if (below(6) === 0) attributes['datacontenttype'] = 'application/json';
  for (const name of ['ext', 'n', 'flag', 'partitionkey', 'constructor']) {
    if (below(3) === 0) attributes[name] = extension();
  }
  const body = pick(below, ['{"a":1}', '{"a":"x","b":[1,2]}', '{"b":[{"c":1}]}', '"x"', '[]']);
  const event = { attributes: attributes as unknown as Attributes };
  return below(3) === 0 ? event : { ...event, data: jsonData(Buffer.from(body)) };
}

function cut(below: Below, value: string): string {
  return value.slice(0, below(value.length + 1));
}

/** A test that the value passes, most of the time. */
function testFor(below: Below, value: string | number | boolean): string {
  if (typeof value !== 'string') {
    if (typeof value === 'number' && below(3) === 0) {
      return json({ numeric: [pick(below, ['=', '>=', '<=']), value] });
    }
    // A number is not the text of it, so an anything-but of the text lets it pass.
    if (below(4) === 0) return json({ 'anything-but': [String(value)] });
    if (below(4) === 0) return json({ 'anything-but': { prefix: String(value).slice(0, 1 + below(2)) } });
    return below(4) === 0 ? json(String(value)) : json(value);
  }
  const other = pick(below, texts);
  const spellings = addresses.find((same) => same.includes(value));
  if (spellings !== undefined && below(3) === 0) return json(pick(below, spellings));
  const tests: readonly string[] = [
    json(value),
    json(value),
    json({ prefix: cut(below, value) }),
    json({ suffix: value.slice(below(value.length + 1)) }),
    json({ 'equals-ignore-case': value.toUpperCase() }),
    json({ prefix: { 'equals-ignore-case': cut(below, value).toLowerCase() } }),
    json({ wildcard: `${cut(below, value).replace(/[*\\]/g, '\\$&')}*` }),
    json({ wildcard: `*${value.slice(-1).replace(/[*\\]/g, '\\$&')}` }),
    json({ 'anything-but': [other] }),
    json({ 'anything-but': [other, pick(below, texts)] }),
    json({ 'anything-but': { prefix: other } }),
    json({ 'anything-but': { suffix: [other] } }),
    json({ 'anything-but': { 'equals-ignore-case': other } }),
    json({ exists: true }),
  ];
  return pick(below, tests);
}

function anyTest(below: Below): string {
  const kind = below(10);
  if (kind < 4) return json(pick(below, texts));
  if (kind < 5) return json(pick(below, oddities));
  if (kind < 7) return pick(below, numbers);
  return pick(below, [
    'true',
    'null',
    '{"exists":false}',
    '{"anything-but":5}',
    '{"anything-but":["5","true"]}',
    '{"anything-but":{"prefix":"-"}}',
    '{"cidr":"10.0.0.0/8"}',
    '{"numeric":["<",6]}',
    '{"prefix":""}',
    '{"prefix":"\\ud83d"}',
    '{"anything-but":""}',
    '{"wildcard":"*"}',
  ]);
}

function leafFor(below: Below, name: string, { attributes }: CloudEvent): string {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  const fitting = (): string => (value === undefined ? '{"exists":false}' : testFor(below, value));
  const list = Array.from({ length: 1 + below(3) }, () => (below(5) < 4 ? fitting() : anyTest(below)));
  return `[${list.join(',')}]`;
}

/** Enough values that the filter is over its limit. */
function longLeaf(below: Below, { attributes }: CloudEvent): string {
  const stem = pick(below, ['com.example.orders.created.', '', 'x'.repeat(40)]);
  const values = Array.from({ length: 5 + below(40) }, (_, i) => json(stem + i));
  return `[${[...values, json(attributes.type)].join(',')}]`;
}

function branchFor(below: Below, event: CloudEvent): string {
  const chosen = [...new Set(Array.from({ length: 1 + below(3) }, () => pick(below, names)))];
  const members = chosen.map((name) => `${json(name)}:${leafFor(below, name, event)}`);
  if (below(6) === 0) members.push(`"data":{"a":[${pick(below, ['1', '"x"', '{"exists":true}'])}]}`);
  if (below(25) === 0 && !chosen.includes('type')) members.push(`"type":${longLeaf(below, event)}`);
  return `{${members.join(',')}}`;
}

function patternFor(below: Below, event: CloudEvent): string {
  if (below(12) === 0) return randomPattern(below);
  const branch = branchFor(below, event);
  if (below(4) !== 0) return branch;
  const ways = Array.from({ length: 2 + below(2) }, () => branchFor(below, event));
  return `${branch.slice(0, -1)},"$or":[${ways.join(',')}]}`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function comparison(below: Below, { attributes }: CloudEvent): string {
  const name = pick(below, ['type', 'source', 'subject', 'ext', 'n', 'flag', 'missing', 'id']);
  const value = Object.hasOwn(attributes, name) ? attributes[name]! : 'none';
  const text = below(4) === 0 ? pick(below, texts) : String(value);
  // Cast to a number or a truth, these are equal to other texts of it.
  const cast = typeof value === 'number' ? `0${value}` : String(value).toUpperCase();
  const written = typeof value === 'string' || below(3) === 0 ? quoted(text) : pick(below, [quoted(cast), cast]);
  const like = quoted(cut(below, text).replace(/[%_]/g, '\\$&')).slice(0, -1);
  return pick(below, [
    `${name} = ${written}`,
    `${written} = ${name}`,
    `${name} != ${quoted(pick(below, texts))}`,
    `${name} IN (${quoted(text)}, ${quoted(pick(below, texts))})`,
    `${name} NOT IN (${quoted(pick(below, texts))})`,
    `${name} LIKE ${like}%'`,
    `${name} LIKE '%${quoted(text).slice(1)}`,
    `${name} NOT LIKE ${like}%'`,
    `EXISTS ${name}`,
    `NOT EXISTS ${name}`,
    `NOT (${name} = ${written})`,
    `LENGTH(${name}) > 1`,
    name,
    'TRUE',
  ]);
}

function cesqlFor(below: Below, event: CloudEvent): string {
  const parts = Array.from({ length: 1 + below(3) }, () => comparison(below, event));
  return parts.reduce((left, right) => `(${left}) ${pick(below, ['AND', 'AND', 'OR', 'OR', 'XOR'])} (${right})`);
}

function readCase(below: Below): LawCase | undefined {
  const event = eventOf(below);
  const cesql = below(4) === 0;
  const text = cesql ? cesqlFor(below, event) : patternFor(below, event);
  try {
    const when: Condition = cesql ? { kind: 'cesql', text, expression: parseCesql(text) } : readPatternText(text);
    return { text, when, event };
  } catch (thrown) {
    if (thrown instanceof RouterError) return undefined; // such as a path that is set twice
    throw thrown;
  }
}

/** The same for the same seed. */
export function* randomCases(seed: number, count: number): Generator<LawCase> {
  const random = seededRandom(seed);
  const below: Below = (n) => Math.floor(random() * n);
  for (let made = 0; made < count; ) {
    const found = readCase(below);
    if (found === undefined) continue;
    made++;
    yield found;
  }
}
