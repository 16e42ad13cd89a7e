// Patterns written for EventBridge's own envelope, and patterns over CloudEvents: field by field. The event meant is the
// same in both: detail is the data, source and detail-type are source and type. EventBridge gives every event an id and
// writes the time in its own form, so id and time go from there to here and not back.
// Source: EventBridge User Guide, "Events and event patterns"; PutEvents API reference.

import type { Entry, Pattern } from '../pattern.ts';
import { isAttributeName, isWhole } from './claim.ts';
import { claimOfLeaf } from './from-pattern.ts';
import { type Converted, distinctLossy, type Lossy, lossyClause, namedBeside } from './lossy.ts';
import { everyEvent } from './to-pattern.ts';
import { entryText } from './write-pattern.ts';

/** The field that a path begins with → what it is called on the other side; absent: it has no counterpart. */
type Names = ReadonlyMap<string, string>;

interface Direction {
  readonly names: Names;
  /** Why a field is left out; undefined where it says nothing about any event. */
  readonly left: (name: string, entry: Entry & { readonly kind: 'field' }) => string | undefined;
}

const toAttributes: Names = new Map([
  ['source', 'source'],
  ['detail-type', 'type'],
  ['detail', 'data'],
  ['id', 'id'],
  ['time', 'time'],
]);
const toEnvelope: Names = new Map([
  ['source', 'source'],
  ['type', 'detail-type'],
  ['data', 'detail'],
]);

const envelope: readonly string[] = ['version', 'account', 'region', 'resources', 'replay-name'];

const reading: Direction = {
  names: toAttributes,
  left: (name) =>
    envelope.includes(name)
      ? `a CloudEvent has no counterpart of '${name}'; wider: any ${name} is taken`
      : `EventBridge's envelope has no field '${name}'; wider: it is not asked for`,
};

const ownForm: Readonly<Record<string, string>> = {
  id: 'EventBridge gives every event an id of its own',
  time: 'EventBridge sets a time that is missing and writes it in its own form',
};

const writing: Direction = {
  names: toEnvelope,
  left: (name, { of }) => {
    if (of.kind === 'leaf' && isAttributeName(name) && isWhole(claimOfLeaf(name, of))) return undefined;
    const why = ownForm[name] ?? `EventBridge's envelope has no field for the attribute '${name}'`;
    return `${why}; wider: any ${name} is taken`;
  },
};

/** Every field of an entry, as it is written. */
function clausesOf(entry: Entry, path: string): readonly (readonly [path: string, clause: string])[] {
  if (entry.kind === 'field') return [[`${path}${entry.name}`, entryText(entry)]];
  return entry.anyOf.flatMap((one, i) => one.entries.flatMap((each) => clausesOf(each, `${path}$or[${i}].`)));
}

function renameField(
  entry: Entry & { readonly kind: 'field' },
  { direction, lossy, path }: { direction: Direction; lossy: Lossy[]; path: string },
): readonly Entry[] {
  const dot = entry.name.indexOf('.');
  const name = dot === -1 ? entry.name : entry.name.slice(0, dot);
  const other = direction.names.get(name);
  if (other !== undefined) return [{ ...entry, name: other + entry.name.slice(name.length) }];
  const why = direction.left(name, entry);
  if (why !== undefined) lossy.push(lossyClause(`${path}${entry.name}`, entryText(entry), why));
  return [];
}

/** No entries: every event. */
function rename({ entries }: Pattern, about: { direction: Direction; lossy: Lossy[]; path: string }): readonly Entry[] {
  return entries.flatMap((entry): readonly Entry[] => {
    if (entry.kind === 'field') return renameField(entry, about);
    const path = (i: number): string => `${about.path}$or[${i}].`;
    const anyOf = entry.anyOf.map((one, i) => rename(one, { ...about, path: path(i) }));
    if (anyOf.every((one) => one.length > 0)) {
      return [{ kind: 'or', anyOf: anyOf.map((one) => ({ kind: 'fields', entries: one })) }];
    }
    namedBeside(about.lossy, clausesOf(entry, about.path));
    return [];
  });
}

function convert(pattern: Pattern, direction: Direction): Converted<Pattern> {
  const lossy: Lossy[] = [];
  const entries = rename(pattern, { direction, lossy, path: '' });
  if (entries.length > 0) return { result: { kind: 'fields', entries }, lossy: distinctLossy(lossy) };
  return { result: lossy.length === 0 ? everyEvent : undefined, lossy: distinctLossy(lossy) };
}

/** A pattern for EventBridge's envelope as one over CloudEvents. */
export function fromEventBridge(pattern: Pattern): Converted<Pattern> {
  return convert(pattern, reading);
}

/** A pattern over CloudEvents as one for EventBridge's envelope. */
export function toEventBridge(pattern: Pattern): Converted<Pattern> {
  return convert(pattern, writing);
}

/** The envelope's name of a path over CloudEvents. */
export function eventBridgePath(path: string): string {
  return path.replace(/^(?:data|type)(?=$|\.)/, (name) => (name === 'data' ? 'detail' : 'detail-type'));
}
