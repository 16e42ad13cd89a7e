// The whole AWS path on loopback: the synthesized stack of four rules, loaded into MiniStack with its own bundles, roles and
// secrets, is sent signed webhooks and made to fail. Prints what was seen; exits with 1 when anything differs, or nothing ran.
// Run: npx node test/e2e/aws.ts

import { findMiniStack } from '../adapters/eventbridge/ministack.ts';
import { type Check, differences, type Step, tableOf } from './aws/check.ts';
import { failing, gone, redriven } from './aws/failing.ts';
import { logged, outage, oversized, signedAndForged, sortedOut } from './aws/intake.ts';
import { leftOut } from './aws/makers.ts';
import { openScene, type Scene } from './aws/scene.ts';

export type Work = (scene: Scene) => Promise<readonly Check[]>;

/** In this order: each begins where the one before it ends. */
export const intake: Readonly<Record<string, Work>> = {
  'signed and forged': signedAndForged,
  'sorted out by the function': sortedOut,
  'data over the limit': oversized,
  'the log': logged,
  'the bus takes nothing for a while': outage,
};

export const all: Readonly<Record<string, Work>> = {
  ...intake,
  failures: failing,
  redrive: redriven,
  'a rule that is gone': gone,
};

/** A step that broke is a difference as well; what was seen before it stays. */
async function checksOf(work: Work, scene: Scene): Promise<readonly Check[]> {
  try {
    return await work(scene);
  } catch (thrown) {
    return [{ what: 'the step', due: 'done', seen: String(thrown) }];
  }
}

export async function run(scene: Scene, works: Readonly<Record<string, Work>>): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const [name, work] of Object.entries(works)) {
    const startedAt = performance.now();
    const checks = await checksOf(work, scene);
    steps.push({ name, checks, tookMs: performance.now() - startedAt });
  }
  return steps;
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([type, count]) => `${count} ${type.replace(/^AWS::/, '')}`).join(', ');
}

async function main(): Promise<number> {
  const found = findMiniStack();
  if (!found.ok) {
    process.stderr.write(`not run: ${found.reason}\n`);
    return 1;
  }
  const startedAt = performance.now();
  const scene = await openScene(found);
  try {
    const { made, left } = scene.loaded;
    process.stdout.write(`made: ${listOf(made)}\n`);
    for (const [type, count] of left) process.stdout.write(`left out: ${count} ${type}: ${leftOut[type]}\n`);
    const steps = await run(scene, all);
    const wrong = differences(steps);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    const result = wrong.length === 0 ? 'all as due' : `${wrong.length} differ`;
    process.stdout.write(`\n${tableOf(steps).join('\n')}\n\n${result}, ${seconds} s\n`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await scene.close();
  }
}

if (import.meta.main) process.exitCode = await main();
