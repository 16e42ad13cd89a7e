// event-ruler 2.1.0, the library behind EventBridge, as a judge: one Java process fed by a pipe (RulerVerdicts.java). The jars
// are those that the rules bench fetches. Must never fetch anything: without Java or jars the reason is told.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { testEnv } from '../harness/env.ts';

const VERSION = '2.1.0';
const LIB = fileURLToPath(new URL('../../.busway/bench/event-ruler/lib', import.meta.url));
const MAIN = fileURLToPath(new URL('RulerVerdicts.java', import.meta.url));

export interface Pair {
  /** Both are JSON texts. */
  readonly pattern: string;
  readonly event: string;
}

export type Verdict = 'match' | 'no-match' | 'invalid' | 'event-error';

export type Ruler =
  /** One verdict per pair, in order. */
  | { readonly ok: true; readonly judge: (pairs: Iterable<Pair>) => Promise<readonly Verdict[]> }
  | { readonly ok: false; readonly reason: string };

function java(): string {
  const home = testEnv('JAVA_HOME');
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

async function judge(pairs: Iterable<Pair>): Promise<readonly Verdict[]> {
  const child = spawn(java(), ['-XX:+UseSerialGC', '-cp', join(LIB, '*'), MAIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const verdicts = text(child.stdout);
  const ended = once(child, 'exit');
  try {
    let sent = 0;
    for (const { pattern, event } of pairs) {
      sent++;
      if (!child.stdin.write(`${JSON.stringify({ pattern, event })}\n`)) await once(child.stdin, 'drain');
    }
    child.stdin.end();
    const [code] = await ended;
    const found = (await verdicts).split('\n').filter((line) => line !== '');
    if (code !== 0 || found.length !== sent)
      throw new Error(`event-ruler gave ${found.length} verdicts for ${sent} pairs`);
    return found as Verdict[];
  } finally {
    child.kill();
  }
}

export function findRuler(): Ruler {
  const none = (why: string): Ruler => ({ ok: false, reason: `no event-ruler ${VERSION}: ${why}` });
  if (!existsSync(join(LIB, `event-ruler-${VERSION}.jar`))) {
    return none('its jars are not there; npm run bench -- rules fetches them');
  }
  const asked = spawnSync(java(), ['-version'], { timeout: 30_000 });
  return asked.status === 0 ? { ok: true, judge } : none('no Java in JAVA_HOME or PATH');
}
