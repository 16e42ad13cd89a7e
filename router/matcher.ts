// Which rules take an event? Any number of rules at once, found by index (router/match/rows.ts says how), with the
// verdicts of event-ruler. Only what rules name is read of an event. Events as text keep the text of numbers and count
// repeated names; a value that was parsed already has lost both.

import { RouterError } from './errors.ts';
import { type CloudEvent, dataValue } from './event.ts';
import { createEngine, type Engine } from './match/engine.ts';
import { addRule, removeRule } from './match/file-rules.ts';
import { judge, onHitOf } from './match/judge.ts';
import { readText, type Trust } from './match/read-text.ts';
import { readObject, readValue } from './match/read-value.ts';
import { clear } from './match/reading.ts';
import type { Pattern } from './pattern.ts';

/**
 * The version of all verdicts, of patterns (router/match) and of CESQL (router/cesql). Raise it with any change after which
 * a rule may give another answer to the same event than before, a mended defect too; a new operator is no such change, as
 * no rule had it. What a process of another version has said about a rule then means nothing, and no event is lost while
 * both run. Never lowered.
 */
export const VERDICTS = 1;

export interface Matcher {
  /** Adds a rule; a name that is there already gets one more pattern, and then either may match. */
  add(name: string, pattern: Pattern): void;
  /** Takes a rule away with all its patterns; false when there is none of that name. */
  remove(name: string): boolean;
  readonly size: number;
  /** Each of these gives the names of the rules that match, in the order they were added. */
  match(event: CloudEvent): readonly string[];
  /** A JSON text of an object, judged whole: throws NOT_JSON, NOT_UTF8 or EVENT_INVALID. */
  matchText(text: Buffer): readonly string[];
  /**
   * As matchText, for bytes that a JSON parser has accepted and in which no path repeats outside of arrays, neither as
   * equal names nor as 'a.b' beside b below a: nothing is judged, and reading stops when all that rules name was seen.
   * Other bytes give any answer.
   */
  matchTrusted(text: Buffer): readonly string[];
  /** An object as JSON.parse gives it. Throws EVENT_INVALID for anything else. */
  matchValue(event: unknown): readonly string[];
}

function notAnObject(): RouterError {
  return new RouterError('EVENT_INVALID', 'an event must be a JSON object');
}

function isObjectText(text: Buffer): boolean {
  let at = 0;
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at++;
  return text[at] === 0x7b;
}

function matchText(engine: Engine, bytes: Buffer, trust: Trust): readonly string[] {
  try {
    readText(engine.reading, engine.root, bytes, trust);
    if (!isObjectText(bytes)) throw notAnObject();
    return judge(engine);
  } finally {
    clear(engine.reading);
  }
}

function matchValue(engine: Engine, event: unknown): readonly string[] {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw notAnObject();
  try {
    readObject(engine.reading, engine.root, event as Readonly<Record<string, unknown>>, 0);
    return judge(engine);
  } finally {
    clear(engine.reading);
  }
}

/** Reads the attributes, and the data below `data`; JSON data that does not parse has no value to look at. */
function readEvent(engine: Engine, { attributes, data }: CloudEvent): void {
  const { reading, root } = engine;
  readObject(reading, root, attributes, 0);
  const below = root.children.get('data');
  if (data === undefined || below === undefined || data.kind === 'binary') return;
  if (data.kind === 'text') {
    readValue(reading, below, dataValue({ attributes, data }), 0);
    return;
  }
  try {
    readText(reading, below, data.bytes, { trusted: data.parsed !== undefined, unique: false });
  } catch {
    clear(reading);
    readObject(reading, root, attributes, 0);
  }
}

function matchEvent(engine: Engine, event: CloudEvent): readonly string[] {
  try {
    readEvent(engine, event);
    return judge(engine);
  } finally {
    clear(engine.reading);
  }
}

export function createMatcher(): Matcher {
  const engine = createEngine();
  engine.now.onHit = onHitOf(engine);
  return {
    add: (name, pattern) => addRule(engine, name, pattern),
    remove: (name) => removeRule(engine, name),
    get size() {
      return engine.ruleOf.size;
    },
    match: (event) => matchEvent(engine, event),
    matchText: (text) => matchText(engine, text, { trusted: false, unique: false }),
    matchTrusted: (text) => matchText(engine, text, { trusted: true, unique: true }),
    matchValue: (event) => matchValue(engine, event),
  };
}

/** One pattern alone, as a function over events. */
export function compilePattern(pattern: Pattern): (event: CloudEvent) => boolean {
  const matcher = createMatcher();
  matcher.add('it', pattern);
  return (event) => matcher.match(event).length > 0;
}
