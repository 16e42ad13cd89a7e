// Walks a synthesized template and makes what it says, on MiniStack: in the order of its references, nothing twice, nothing
// that it does not say. A type, a property, a function or a reference that is not known ends it.

import type { AwsCalls } from './calls.ts';
import type { Made, MakeParts, Properties } from './maker.ts';
import { leftOut, makeResource } from './makers.ts';
import { type Known, referencesIn, resolveValue } from './resolve.ts';
import { checkAdmitted, checkCallable, checkReceives } from './rights.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties?: Properties;
  readonly DependsOn?: string | readonly string[];
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Synthesized {
  /** Of the stack; names of resources begin with it. */
  readonly name: string;
  readonly template: Template;
  readonly assetOf: MakeParts['assetOf'];
}

export type LoadParts = Pick<MakeParts, 'calls' | 'region' | 'account' | 'environment'>;

export interface Loaded {
  /** What an intrinsic function of the stack means now, such as { Ref: 'Queue' }. Throws Error where it means nothing. */
  value(intrinsic: unknown): string;
  /** How many resources of each type were made. */
  readonly made: ReadonlyMap<string, number>;
  readonly left: ReadonlyMap<string, number>;
}

const MAX_NAME = 64;

/** Logical ids, each behind what it refers to. Throws Error for a circle. */
export function inOrder(resources: Template['Resources']): readonly string[] {
  const done = new Set<string>();
  const under = new Set<string>();
  const visit = (id: string): void => {
    const resource = resources[id];
    if (resource === undefined || done.has(id)) return;
    if (under.has(id)) throw new Error(`template: ${[...under, id].join(' -> ')} is a circle`);
    under.add(id);
    for (const other of referencesIn(resource.Properties ?? {})) visit(other);
    for (const other of [resource.DependsOn ?? []].flat()) visit(other);
    under.delete(id);
    done.add(id);
  };
  for (const id of Object.keys(resources)) visit(id);
  return [...done];
}

function countByType(resources: readonly Resource[]): ReadonlyMap<string, number> {
  return new Map(
    Array.from(
      Map.groupBy(resources, ({ Type }) => Type),
      ([type, group]) => [type, group.length],
    ),
  );
}

/** Who may what, once all is there. */
async function checkRights(
  resources: readonly Resource[],
  {
    calls,
    properties,
    arnOf,
  }: { calls: AwsCalls; properties: (one: Resource) => Properties; arnOf: (one: Resource) => string },
): Promise<void> {
  const ofType = (type: string): readonly Resource[] => resources.filter(({ Type }) => Type === type);
  const policies = ofType('AWS::SQS::QueuePolicy').map((one) => properties(one)['PolicyDocument']);
  for (const rule of ofType('AWS::Events::Rule')) checkAdmitted(arnOf(rule), properties(rule)['Targets'], policies);
  const permissions = ofType('AWS::Lambda::Permission').map(properties);
  for (const { IntegrationUri, ApiId } of ofType('AWS::ApiGatewayV2::Integration').map(properties)) {
    checkCallable(String(IntegrationUri), String(ApiId), permissions);
  }
  const functions = ofType('AWS::Lambda::Function');
  for (const mapping of ofType('AWS::Lambda::EventSourceMapping')) {
    const { FunctionName, EventSourceArn } = properties(mapping);
    const owner = functions.find((one) => arnOf(one).endsWith(`:${String(FunctionName)}`))!;
    await checkReceives(calls, String(properties(owner)['Role']), String(EventSourceArn));
  }
}

/** Rejects with Error for what the loader does not know, for a refusal of MiniStack, and for rights that AWS would miss. */
export async function loadStack({ name, template, assetOf }: Synthesized, parts: LoadParts): Promise<Loaded> {
  const { Resources } = template;
  const { calls, region, account } = parts;
  const made = new Map<string, Made>();
  const pseudo: Readonly<Record<string, string>> = {
    'AWS::Region': region,
    'AWS::AccountId': account,
    'AWS::Partition': 'aws',
    'AWS::StackName': name,
    'AWS::URLSuffix': 'amazonaws.com',
  };
  const known: Known = {
    ref: (id) => pseudo[id] ?? made.get(id)?.ref,
    attribute: (id, attribute) => made.get(id)?.attributes[attribute],
  };
  const resolved = ({ Properties = {} }: Resource): Properties => resolveValue(Properties, known) as Properties;
  const isLeft = ({ Type }: Resource): boolean => Object.hasOwn(leftOut, Type);
  for (const id of inOrder(Resources)) {
    const resource = Resources[id]!;
    if (isLeft(resource)) continue;
    const own = `${name}-${id}`.slice(0, MAX_NAME);
    made.set(id, await makeResource(resource.Type, resolved(resource), { ...parts, assetOf, name: own }));
  }
  const all = Object.values(Resources);
  const idOf = new Map(Object.entries(Resources).map(([id, one]) => [one, id]));
  const arnOf = (one: Resource): string => made.get(idOf.get(one)!)?.attributes['Arn'] ?? '';
  await checkRights(all, { calls, properties: resolved, arnOf });
  return {
    value: (intrinsic) => String(resolveValue(intrinsic, known)),
    made: countByType(all.filter((one) => !isLeft(one))),
    left: countByType(all.filter(isLeft)),
  };
}
