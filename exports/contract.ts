// What `import … from 'busway/contract'` gives: the laws of adapters, sources and targets as suites for node:test, what a
// harness for them is made of, and rule tests as node:test tests. The suites need fast-check, and load at the first call.
// Holds no fake of any service.

import type { AdapterHarness } from '../test/contract/adapter-harness.ts';
import type { SourceHarness } from '../test/contract/source.ts';
import type { TargetHarness } from '../test/contract/target.ts';
import { loadOptional } from './load-optional.ts';

export { testRules } from '../infra/rule-tests.ts';
export type { AdapterHarness, AdapterLaw, BusScene, PulledRule, Special } from '../test/contract/adapter-harness.ts';
export type { SourceFixture, SourceHarness, SourceLaw } from '../test/contract/source.ts';
export type { Behaviour, OpenTarget, TargetHarness, TargetLaw } from '../test/contract/target.ts';

function load<Module>(suite: string): Module {
  return loadOptional(`busway/contract: the ${suite} suite`, `../test/contract/${suite}`, ['fast-check']);
}

/** Registers every law of adapters (AdapterLaw) as a node:test test. Throws UNSUPPORTED where fast-check is missing. */
export function adapterSuite(name: string, harness: AdapterHarness): void {
  load<typeof import('../test/contract/adapter.ts')>('adapter').adapterSuite(name, harness);
}

/** Registers every law of sources (SourceLaw) as a node:test test. Throws UNSUPPORTED where fast-check is missing. */
export function sourceSuite(name: string, harness: SourceHarness): void {
  load<typeof import('../test/contract/source.ts')>('source').sourceSuite(name, harness);
}

/** Registers every law of targets (TargetLaw) as a node:test test. */
export function targetSuite(harness: TargetHarness): void {
  load<typeof import('../test/contract/target.ts')>('target').testTarget(harness);
}
