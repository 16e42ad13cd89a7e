// The line protocol between a bench and a measured process, and its side of a contestant in TypeScript. The process says
// one line of JSON when it is built, then answers each order line with one line of JSON:
//   pass MS          matches events in turn for so much CPU time -> Sample and its matches
//   lists N          the names of the rules that match, for each of the first N events
//   alone RULE EVENT whether that rule, alone in a new engine, matches that event
//   change N         what it costs to take out a rule and put it back
// RulerMain.java is the same for event-ruler. Prints nothing while measured.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Sample } from '../measure.ts';
import type { Rule, RuleSet } from './rule.ts';

export interface Ready {
  /** CPU time of adding all rules and matching a first event. */
  readonly buildS: number;
  /** Growth of the heap after garbage collection; null where none can be asked for. */
  readonly bytesPerRule: number | null;
  readonly rules: number;
  readonly events: number;
}

export interface Pass extends Sample {
  readonly matches: number;
  /** Of the CPU time, that of other threads than the matching one, where it is known: compilers at work. */
  readonly otherUs?: number;
}

export interface ChangeCost {
  /** Microseconds to take out a rule and put it back, with an event matched after each. */
  readonly us: number;
  /** Of that, for the two events. */
  readonly matchUs: number;
}

/** What is measured: rules go in by name and pattern text, events as `read` makes them. */
export interface Engine<Event> {
  read(text: string): Event;
  open(): Opened<Event>;
}

export interface Opened<Event> {
  add(rule: Rule): void;
  remove(name: string): boolean;
  match(event: Event): readonly string[];
}

/** A clock is read about once a millisecond. */
const BATCH_MS = 1;
/** The garbage collector's helpers and the event loop get their turn as often as in a server. */
const SLICE_MS = 5;
const YOUNG_COLLECTIONS = 3;

function usedBytes(): number | null {
  const { gc } = globalThis;
  if (gc === undefined) return null;
  for (let i = 0; i < YOUNG_COLLECTIONS; i++) gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export interface Contestant {
  readonly ready: Ready;
  pass(ms: number): Promise<Pass>;
  lists(count: number): readonly (readonly string[])[];
  alone(rule: number, event: number): boolean;
  change(count: number): ChangeCost;
}

/** Builds the engine and measures that. */
export function contestant<Event>(engine: Engine<Event>, { rules, events: texts }: RuleSet): Contestant {
  const events = texts.map((text) => engine.read(text));
  const bytesBefore = usedBytes();
  const cpuBefore = cpuUs();
  const opened = engine.open();
  for (const rule of rules) opened.add(rule);
  // What a first event makes the engine do belongs to building.
  opened.match(events[0]!);
  const buildS = (cpuUs() - cpuBefore) / 1e6;
  const bytesAfter = usedBytes();
  const bytesPerRule = bytesBefore === null || bytesAfter === null ? null : (bytesAfter - bytesBefore) / rules.length;
  const pass = passes(opened, events);
  return {
    ready: { buildS, bytesPerRule, rules: rules.length, events: events.length },
    pass,
    lists: (count) => events.slice(0, count).map((event) => opened.match(event)),
    alone(rule, event) {
      const fresh = engine.open();
      fresh.add(rules[rule]!);
      return fresh.match(events[event]!).length === 1;
    },
    change: (count) => change(opened, rules, events, count),
  };
}

function passes<Event>(opened: Opened<Event>, events: readonly Event[]): (ms: number) => Promise<Pass> {
  let [cursor, batch] = [0, 1];
  const runBatch = (): number => {
    const started = performance.now();
    let matches = 0;
    for (let i = 0; i < batch; i++) {
      matches += opened.match(events[cursor]!).length;
      cursor = cursor + 1 === events.length ? 0 : cursor + 1;
    }
    const took = performance.now() - started;
    if (took < BATCH_MS / 2) batch *= 2;
    else if (took > BATCH_MS * 2 && batch > 1) batch >>= 1;
    return matches;
  };
  return async (ms) => {
    const started = cpuUs();
    let [count, matches, turn] = [0, 0, performance.now()];
    let now = started;
    while (now - started < ms * 1_000) {
      count += batch;
      matches += runBatch();
      if (performance.now() - turn > SLICE_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
      now = cpuUs();
    }
    return { events: count, cpuUs: now - started, matches };
  };
}

function change<Event>(
  opened: Opened<Event>,
  rules: readonly Rule[],
  events: readonly Event[],
  count: number,
): ChangeCost {
  const eventOf = (number: number): Event => events[number % events.length]!;
  let started = performance.now();
  for (let i = 0; i < 2 * count; i++) opened.match(eventOf(i));
  const matchUs = ((performance.now() - started) * 1_000) / count;
  started = performance.now();
  for (let i = 0; i < count; i++) {
    const rule = rules[Math.floor((i * rules.length) / count)]!;
    if (!opened.remove(rule.name)) throw new Error(`rule ${rule.name} was not there to be removed`);
    opened.match(eventOf(2 * i));
    opened.add(rule);
    opened.match(eventOf(2 * i + 1));
  }
  return { us: ((performance.now() - started) * 1_000) / count, matchUs };
}

export function readSet(rulesFile: string, eventsFile: string): RuleSet {
  const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
  return { rules: linesOf(rulesFile).map((line) => JSON.parse(line) as Rule), events: linesOf(eventsFile) };
}

/** The child's main: answers orders until its input ends. */
export async function serveOrders({ ready, pass, lists, alone, change }: Contestant): Promise<void> {
  const say = (answer: unknown): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
  say(ready);
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, ...numbers] = line.split(' ');
    const [first = 0, second = 0] = numbers.map(Number);
    if (order === 'pass') say(await pass(first));
    else if (order === 'lists') say(lists(first));
    else if (order === 'alone') say(alone(first, second));
    else if (order === 'change') say(change(first));
    else throw new Error(`unknown order '${line}'`);
  }
}
