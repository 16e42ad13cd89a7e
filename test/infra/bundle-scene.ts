// Bundles for tests: made once a document, copied to a folder where nothing else is, and called there as Lambda would.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundleFunctions, type Cloud } from '../../infra/bundle.ts';
import type { RouterInput } from '../../infra/define.ts';

export const secret = 'c4n4ry-github-secret';

export const eventBridge: RouterInput = {
  bus: { use: 'eventbridge', bus: 'orders' },
  sources: { github: { use: 'github' } },
  rules: [
    { name: 'pushes', when: { type: ['com.github.push'] }, to: { http: { url: 'https://ci.example.com/hooks' } } },
    { name: 'others', when: { type: [{ 'anything-but': ['com.github.push'] }] }, to: { log: {} } },
  ],
};

export function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'busway-bundle-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface Made {
  readonly document: RouterInput;
  readonly cloud: Cloud;
  readonly names: readonly string[];
  readonly baseDir?: string;
}

/** By the name of the function. */
export function bundle(t: TestContext, { document, cloud, names, baseDir = '.' }: Made): ReadonlyMap<string, Bundle> {
  const functions = names.map((name) => ({ name }));
  const bundles = bundleFunctions({ document, baseDir, functions, outDir: folder(t), cloud });
  return new Map(bundles.map((one) => [one.name, one]));
}

export interface Called {
  readonly answers: readonly Readonly<Record<string, unknown>>[];
  /** Lines of JSON. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** All that was printed. */
  readonly out: string;
}

/** Runs a file of this folder where there is a copy of the bundle and nothing else, with this environment and no other. */
export function start(
  t: TestContext,
  file: string,
  { dir, env }: { readonly dir: string; readonly env: Readonly<Record<string, string>> },
): ChildProcessWithoutNullStreams {
  const cwd = folder(t);
  cpSync(dir, cwd, { recursive: true });
  return spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], { cwd, env });
}

/** By the handler of a cloud, which answers an event. */
export async function call(
  t: TestContext,
  { dir }: Pick<Bundle, 'dir'>,
  env: Readonly<Record<string, string>>,
  events: readonly unknown[],
  by = 'bundle-child.ts',
): Promise<Called> {
  const child = start(t, by, { dir, env });
  child.stdin.end(JSON.stringify(events));
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  if (code !== 0) throw new Error(`the bundle ended with ${code}: ${err || out}`);
  const lines = out.split('\n').filter((line) => line !== '');
  const parsed = (line: string) => JSON.parse(line) as Readonly<Record<string, unknown>>;
  const isAnswer = (line: string): boolean => line.startsWith('ANSWER ');
  return {
    answers: lines.filter(isAnswer).map((line) => parsed(line.slice('ANSWER '.length))),
    log: lines.filter((line) => !isAnswer(line)).map(parsed),
    out: out + err,
  };
}
