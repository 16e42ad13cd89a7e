// What the bus option `filterable` promises of an event: no list of objects on the way to a path or at its end, and only
// what Event Grid is known to compare as rules do. Pure. An event that breaks the promise would be lost by a filter, so it
// is refused before it is sent.

import { RouterError } from '../../router/errors.ts';
import { type CloudEvent, dataValue } from '../../router/event.ts';
import { afterValue, type Member, memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';
import type { Tier } from './filter.ts';

const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

// A .NET decimal: 28 digits and no exponent to speak of.
const MAX_NUMBER = 7.9e28;
const MIN_NUMBER = 1e-28;

function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return value === 0 || (Math.abs(value) < MAX_NUMBER && Math.abs(value) > MIN_NUMBER);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

function endProblem(value: unknown, tier: Tier): string | undefined {
  if (Array.isArray(value)) {
    if (tier === 'namespace') return 'a list, which a namespace does not filter';
    return value.every(isPlain) ? undefined : 'a list of more than texts, booleans and plain numbers';
  }
  // An object has no value of its own: no rule can match there.
  if (typeof value === 'object' && value !== null) return undefined;
  return isPlain(value) ? undefined : `a number outside ${MIN_NUMBER} to ${MAX_NUMBER}`;
}

/** Another way to the same place: other letter case, or names joined by a dot. */
function isRival(name: string, names: readonly string[]): boolean {
  const way = names.join('.');
  if (name.includes('.')) return way === name || way.startsWith(`${name}.`);
  return name !== names[0] && name.toLowerCase() === names[0]!.toLowerCase();
}

/** Looks at the text, since a parser keeps only one of repeated names and a rule takes all. `at`: where a value begins. */
function problemAt(bytes: Buffer, at: number, names: readonly string[], tier: Tier): string | undefined {
  const [name, ...rest] = names;
  if (name === undefined) {
    // An object has no value of its own: no rule can match there.
    if (bytes[at] === OPEN_OBJECT) return undefined;
    return endProblem(JSON.parse(bytes.toString('utf8', at, afterValue(bytes, at))), tier);
  }
  if (bytes[at] === OPEN_LIST) return 'a list on the way';
  if (bytes[at] !== OPEN_OBJECT) return undefined;
  const { members } = scanObject(bytes, at);
  const found: Member[] = [];
  for (const member of members) {
    const given = memberName(bytes, member);
    if (isRival(given, names)) return 'a name that reads like it';
    if (given === name) found.push(member);
  }
  if (found.length > 1) return 'a name given twice';
  return found.length === 0 ? undefined : problemAt(bytes, found[0]!.start, rest, tier);
}

/** Throws NOT_CARRIABLE where the event breaks what `filterable` says. */
export function checkPlain(event: CloudEvent, filterable: readonly string[], tier: Tier): void {
  if (filterable.length === 0 || event.data?.kind !== 'json') return;
  const { bytes } = event.data;
  try {
    dataValue(event);
  } catch {
    return; // no rule can match data that does not parse
  }
  for (const path of filterable) {
    const problem = problemAt(bytes, skipSpace(bytes, 0), path.split('.').slice(1), tier);
    if (problem === undefined) continue;
    throw new RouterError(
      'NOT_CARRIABLE',
      `eventgrid: ${path} of the event has ${problem}, so a filter would lose it; take the path out of 'filterable'`,
      { path },
    );
  }
}
