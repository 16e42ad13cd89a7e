// What keeps a sound document from running on AWS: its bus, its store, limits of the service, targets that take longer than
// the function that calls them. All is told at once; nothing is thrown here.

import { compileFilter } from '../../adapters/eventbridge/filter.ts';
import type { Problem } from '../../router/config.ts';
import type { Survey } from '../../router/document.ts';
import { functionsOf } from '../bundle/modules.ts';
import type { ListedFunction } from '../functions.ts';
import { type CompiledRule, compileRules } from '../plan/compiled-rule.ts';
import { busPlanOf } from '../plan.ts';
import type { PatternLimits } from './pattern.ts';

/** A function as serverless.yml lists it. */
export type FunctionFacts = Pick<ListedFunction, 'name' | 'memory' | 'timeout' | 'routes'>;

/** For what the function does before and after the call. */
const AROUND_MS = 5_000;

function ofBus({ document: { bus } }: Survey, problems: Problem[]): void {
  if (bus.kind === 'embedded') {
    const says = "the embedded bus lives in a folder of one machine; write { use: 'eventbridge', bus: NAME }";
    problems.push({ path: 'bus', says: `${says}, or name a custom bus of EventBridge for the stack (busName)` });
  }
  if (bus.kind === 'kafka' && bus.options['brokers'] === undefined) {
    const says = "needs 'brokers': Lambda polls them for the deliver function, and nothing here knows which they are";
    problems.push({ path: 'bus', says });
  }
  if (bus.kind === 'eventgrid' && bus.options['entra'] === true) {
    const says = "is an identity of Azure's own hosts, and there is none on AWS; give the bus 'key' or 'sas'";
    problems.push({ path: 'bus.entra', says });
  }
}

function ofStore({ document: { oversize } }: Survey, problems: Problem[]): void {
  if (oversize?.store.kind !== 'folder') return;
  const says = 'the folder of one instance is not there for the next, and its data would be lost; use s3';
  problems.push({ path: 'oversize.store', says });
}

function compiled(survey: Survey, limits: PatternLimits): readonly CompiledRule[] {
  const { kind } = survey.document.bus;
  const none = (when: Parameters<typeof compileFilter>[0]) => ({ kind: 'none', native: null, residual: when }) as const;
  return compileRules(survey, { compile: kind === 'eventbridge' ? (when) => compileFilter(when, limits) : none });
}

function ofLimits(survey: Survey, limits: PatternLimits, problems: Problem[]): void {
  const { kind, options } = survey.document.bus;
  const busPlan = busPlanOf(kind);
  const rules = compiled(survey, limits);
  for (const { at, what, used, limit, over, fix } of busPlan.limits(rules, options)) {
    if (over === 'error' && used > limit) {
      problems.push({ path: at, says: `${used} of ${limit} ${what}: over the limit, the bus refuses it; ${fix}` });
    }
  }
  for (const { level, at, says, fix = '' } of busPlan.gaps(rules, options)) {
    if (level === 'error') problems.push({ path: at, says: fix === '' ? says : `${says}; ${fix}` });
  }
}

function ofTimes({ document, places }: Survey, functions: readonly FunctionFacts[], problems: Problem[]): void {
  const seconds = functions.find(({ name }) => name === 'deliver')?.timeout;
  if (seconds === undefined) return;
  const longest = seconds * 1_000 - AROUND_MS;
  for (const { name, to } of document.rules) {
    const { timeoutMs } = to.options;
    if (typeof timeoutMs !== 'number' || timeoutMs <= longest) continue;
    const path = `rules[${places.get(name) ?? '?'}] '${name}' to.${to.kind}.timeoutMs`;
    const says = `${timeoutMs} is longer than the deliver function runs (${seconds} s, of which ${AROUND_MS / 1_000} s are its own)`;
    problems.push({ path, says: `${says}; shorten it, or raise 'timeout' of deliver in serverless.yml` });
  }
}

/** The functions that there is a bundle of, and the stack has a place for. */
const known = Object.keys(functionsOf.aws);

/** Which of them a bus needs: where another cloud's bus delivers, AWS only publishes. */
export function neededFunctions(bus: string): readonly string[] {
  return known.filter((name) => functionsOf.aws[name]!.buses?.includes(bus) ?? true);
}

function ofFunctions({ document: { bus } }: Survey, functions: readonly FunctionFacts[], problems: Problem[]): void {
  const names = functions.map(({ name }) => name);
  for (const name of names.filter((one) => !known.includes(one))) {
    const says = `nothing in the stack calls it; known: ${known.join(', ')}`;
    problems.push({ path: `serverless.yml functions.${name}`, says });
  }
  for (const name of neededFunctions(bus.kind).filter((one) => !names.includes(one))) {
    problems.push({
      path: 'serverless.yml functions',
      says: `'${name}' is not listed, and the router needs it on its bus`,
    });
  }
}

export interface CheckParts {
  readonly survey: Survey;
  readonly functions: readonly FunctionFacts[];
  readonly limits: PatternLimits;
}

export function checkForAws({ survey, functions, limits }: CheckParts, problems: Problem[]): void {
  ofBus(survey, problems);
  ofStore(survey, problems);
  ofLimits(survey, limits, problems);
  ofTimes(survey, functions, problems);
  ofFunctions(survey, functions, problems);
}
