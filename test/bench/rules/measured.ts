// A measured process as the bench sees it: started, asked line by line (orders.ts), warmed up, ended. Must never outlive
// the run; what it prints as an error is part of the reason when it ends too early.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Window } from '../measure.ts';
import type { ChangeCost, Pass, Ready } from './orders.ts';

export interface Program {
  readonly name: string;
  /** Begins its errors: `invalid: ` for what is our own, because a row must fail when our own process does. */
  readonly fault: '' | 'invalid: ';
  readonly command: string;
  readonly args: readonly string[];
}

export interface Measured {
  readonly name: string;
  readonly ready: Ready;
  pass(ms: number): Promise<Pass>;
  lists(count: number): Promise<readonly (readonly string[])[]>;
  alone(rule: number, event: number): Promise<boolean>;
  change(count: number): Promise<ChangeCost>;
  /** Idempotent. */
  stop(): Promise<void>;
}

const ANSWER = /^(?:[{[].*[}\]]|true|false)$/;
const GRACE_MS = 10_000;
// Building 100,000 rules takes event-ruler 10 s on a quiet machine.
const LIMIT_MS = 90_000;

export interface StartOptions {
  readonly signal: AbortSignal;
  /** For each answer, building included; a process that takes longer is killed. */
  readonly limitMs?: number | undefined;
}

interface Talk {
  /** The next line that it says; `what` is for the error when it says none in time. */
  listen(what: string): Promise<unknown>;
  ask(order: string): Promise<unknown>;
  end(): Promise<void>;
}

/** Lines out, lines of JSON in, in turn. What it says after its end, and what it never answers, rejects. */
function talk({ name, fault, command, args }: Program, { signal, limitMs = LIMIT_MS }: StartOptions): Talk {
  signal.throwIfAborted();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting: PromiseWithResolvers<unknown>[] = [];
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let said = '';
  const note = (text: string): void => {
    said = `${said}${text}`.slice(-2_000);
  };
  child.stderr.on('data', (chunk: Buffer) => note(chunk.toString('utf8')));
  let ended: Error | undefined;
  const exited = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      ended ??= new Error(`${fault}${name} ended (${how}): ${said.trim() || 'it said nothing'}`);
      for (const { reject } of waiting.splice(0)) reject(ended);
      signal.removeEventListener('abort', kill);
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, by) => end(String(by ?? code)));
  });
  // An order to a process that has ended is answered by its end.
  child.stdin.on('error', () => undefined);
  // A JVM prints its warnings here too.
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (ANSWER.test(line)) waiting.shift()?.resolve(JSON.parse(line));
    else note(`${line}\n`);
  });
  const listen = (what: string): Promise<unknown> => {
    if (ended !== undefined) return Promise.reject(ended);
    const next = Promise.withResolvers<unknown>();
    waiting.push(next);
    const timer = setTimeout(() => {
      next.reject(new Error(`${fault}${name} took over ${limitMs / 1_000} s to ${what}`));
      kill();
    }, limitMs);
    return next.promise.finally(() => clearTimeout(timer));
  };
  return {
    listen,
    ask(order) {
      if (ended === undefined) child.stdin.write(`${order}\n`);
      return listen(`answer '${order}'`);
    },
    async end() {
      const timer = setTimeout(kill, GRACE_MS);
      child.stdin.end();
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Rejects when it ends before it is ready, with what it said. */
export async function startMeasured(program: Program, options: StartOptions): Promise<Measured> {
  const { listen, ask, end } = talk(program, options);
  const ready = (await listen('be ready')) as Ready;
  let stopping: Promise<void> | undefined;
  return {
    name: program.name,
    ready,
    pass: async (ms) => (await ask(`pass ${ms}`)) as Pass,
    lists: async (count) => (await ask(`lists ${count}`)) as readonly (readonly string[])[],
    alone: async (rule, event) => (await ask(`alone ${rule} ${event}`)) as boolean,
    change: async (count) => (await ask(`change ${count}`)) as ChangeCost,
    stop() {
      stopping ??= end();
      return stopping;
    },
  };
}

/** A contestant in TypeScript, a file of this folder. `profile`: folder for a CPU profile, written at its end. */
export function nodeProgram(
  file: 'ours' | 'reference',
  args: readonly string[],
  profile?: string | undefined,
): Program {
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const path = fileURLToPath(new URL(`${file}.ts`, import.meta.url));
  const name = file === 'ours' ? 'our matcher' : 'the reference';
  return { name, fault: 'invalid: ', command: process.execPath, args: ['--expose-gc', ...profiling, path, ...args] };
}

export interface WarmUp {
  /** CPU time of one probe. */
  readonly probeMs: number;
  readonly least: number;
  readonly most: number;
}

const SETTLED = 3;
const WITHIN = 0.94;
const MOST_OTHER = 0.1;

const rateOf = ({ events, cpuUs }: Pass): number => events / cpuUs;

/**
 * Runs probes until the last three are within 6 % of the best so far and no compiler was at work in them; true when that
 * came to pass. A plateau alone proves nothing: code that waits for a compiler runs evenly, at half the rate.
 */
export async function warmUp(measured: Measured, { probeMs, least, most }: WarmUp): Promise<boolean> {
  const rates: number[] = [];
  const settled: boolean[] = [];
  while (rates.length < most) {
    const probe = await measured.pass(probeMs);
    rates.push(rateOf(probe));
    settled.push((probe.otherUs ?? 0) < probe.cpuUs * MOST_OTHER);
    const best = Math.max(...rates);
    const last = rates.slice(-SETTLED);
    const isEven = last.every((rate) => rate >= best * WITHIN) && settled.slice(-SETTLED).every(Boolean);
    if (rates.length >= least && last.length === SETTLED && isEven) return true;
  }
  return false;
}

export function windowOf(measured: Measured, ms: number): Window {
  return () => measured.pass(ms);
}
