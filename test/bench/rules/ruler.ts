// event-ruler 2.1.0 as a peer: its jars from Maven, RulerMain.java compiled beside them, once, into
// .busway/bench/event-ruler. Must never be started with other flags than those it is best with.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, runCommand } from '../../../local/kafka/command.ts';
import { withLock } from '../../../local/kafka/lock.ts';
import { copyJars, hasMaven, pomOf } from '../../../local/kafka/maven.ts';
import { testEnv } from '../../harness/env.ts';
import type { Program } from './measured.ts';

export const rulerVersion = '2.1.0';
const ARTIFACT = `software.amazon.event.ruler:event-ruler:${rulerVersion}`;
const MAIN = fileURLToPath(new URL('RulerMain.java', import.meta.url));
const REPO = fileURLToPath(new URL('../../..', import.meta.url));
const BUILD_MS = 5 * 60_000;
const ASK_MS = 20_000;
// One heap size, so that it never grows while measured; the default collector runs the first seconds at a third of the
// rate, this one was event-ruler's best case (measured).
const FLAGS = ['-Xms3g', '-Xmx3g', '-XX:+UseSerialGC'];

const POM = pomOf(
  'rules-bench',
  `    <dependency>
      <groupId>software.amazon.event.ruler</groupId>
      <artifactId>event-ruler</artifactId>
      <version>${rulerVersion}</version>
    </dependency>`,
);

export interface RulerParts {
  readonly signal: AbortSignal;
  /** May it be fetched and built. */
  readonly build: boolean;
  readonly log: (text: string) => void;
}

export type Ruler =
  | { readonly ok: true; readonly program: (args: readonly string[]) => Program }
  | { readonly ok: false; readonly reason: string };

/** `java` or `javac` of JAVA_HOME, else of PATH. */
function tool(name: string): string {
  const home = testEnv('JAVA_HOME');
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}

function programOf(dir: string, args: readonly string[]): Program {
  const classPath = [join(dir, 'classes'), join(dir, 'lib', '*')].join(delimiter);
  return {
    name: 'event-ruler',
    fault: '',
    command: tool('java'),
    args: [...FLAGS, '-cp', classPath, 'RulerMain', ...args],
  };
}

/** What is missing, or undefined. `fresh` takes the place of `dir` when it is whole. */
async function fetchAndBuild(dir: string, stamp: string, { signal, log }: RulerParts): Promise<string | undefined> {
  const limits = { timeoutMs: BUILD_MS, signal };
  const isDone = ({ code, output }: CommandResult): boolean => {
    if (code !== 0) log(output.trim());
    return code === 0;
  };
  if (!(await hasMaven(signal))) return 'no Maven in PATH to fetch it';
  const { code } = await runCommand(tool('javac'), ['-version'], { timeoutMs: ASK_MS, signal });
  if (code !== 0) return 'no javac: a JDK is needed';
  const fresh = `${dir}.new`;
  const libDir = join(fresh, 'lib');
  log(`  fetching event-ruler ${rulerVersion} with Maven (3 MB, once)`);
  if (!isDone(await copyJars(POM, { dir: fresh, libDir }, limits))) return `Maven could not fetch ${ARTIFACT}`;
  const compile = ['-d', join(fresh, 'classes'), '-cp', join(libDir, '*'), MAIN];
  if (!isDone(await runCommand(tool('javac'), compile, limits))) return 'javac could not compile RulerMain.java';
  // The stamp is written last: a folder with a stamp is whole.
  writeFileSync(join(fresh, 'stamp'), stamp);
  rmSync(dir, { recursive: true, force: true });
  renameSync(fresh, dir);
  return undefined;
}

/** The peer, built if it must and may be. */
export async function findRuler(parts: RulerParts): Promise<Ruler> {
  const { signal, build } = parts;
  const dir = join(REPO, '.busway', 'bench', 'event-ruler');
  const none = (why: string): Ruler => ({ ok: false, reason: `no event-ruler ${rulerVersion}: ${why}` });
  const there: Ruler = { ok: true, program: (args) => programOf(dir, args) };
  const stamp = createHash('sha256').update(POM).update(readFileSync(MAIN)).digest('hex');
  const isBuilt = (): boolean => existsSync(join(dir, 'stamp')) && readFileSync(join(dir, 'stamp'), 'utf8') === stamp;
  const { code } = await runCommand(tool('java'), ['-version'], { timeoutMs: ASK_MS, signal });
  if (code !== 0) return none('no Java in JAVA_HOME or PATH');
  if (isBuilt()) return there;
  if (!build) return none('not built yet, and --no-build was given');
  const failed = await withLock(`${dir}.lock`, signal, async () =>
    isBuilt() ? undefined : fetchAndBuild(dir, stamp, parts),
  );
  signal.throwIfAborted();
  return failed === undefined ? there : none(failed);
}

// As a step of its own, for tests that ask event-ruler for verdicts: node test/bench/rules/ruler.ts
if (import.meta.main) {
  const log = (text: string): void => console.error(text);
  const found = await findRuler({ build: true, signal: AbortSignal.timeout(BUILD_MS), log });
  if (!found.ok) {
    log(found.reason);
    process.exitCode = 1;
  }
}
