// A router document -> the stack of `busway deploy`, synthesized: template, assets, and where in it things are. Nothing of it is
// changed for the test.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { RouterInput } from '../../../infra/define.ts';
import { cdkFlags, RouterStack } from '../../../infra/stack.ts';
import type { Synthesized, Template } from './load.ts';
import { zipOf } from './zip.ts';

/** Intrinsic functions, for Loaded.value. */
export interface Places {
  /** The id of the HTTP API. */
  readonly api: unknown;
  /** By function: its name. */
  readonly functions: ReadonlyMap<string, unknown>;
  readonly roles: ReadonlyMap<string, unknown>;
  /** By function: its log group. */
  readonly logs: ReadonlyMap<string, unknown>;
  /** By variable: the secret's ARN. */
  readonly secrets: ReadonlyMap<string, unknown>;
  /** By rule: the queues' URLs. */
  readonly queues: ReadonlyMap<string, unknown>;
  readonly deadLetters: ReadonlyMap<string, unknown>;
}

export interface SynthesizedRouter extends Synthesized {
  readonly router: RouterStack['router'];
  readonly places: Places;
  /** A function's code, as Lambda takes it. */
  codeOf(name: string): Buffer;
}

const ROOT = new URL('../../../', import.meta.url);
const NAME = 'Busway';
export const PREFIX = 'busway';

function zipOfFolder(dir: string): Buffer {
  return zipOf(Object.fromEntries(readdirSync(dir).map((file) => [file, readFileSync(join(dir, file))])));
}

function mapped<From, To>(from: ReadonlyMap<string, From>, to: (one: From) => To): ReadonlyMap<string, To> {
  return new Map(Array.from(from, ([key, one]) => [key, to(one)]));
}

/** The part of an asset manifest that is read here. */
interface Manifest {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path: string; readonly packaging: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

/** Folders by the key that the template gives their archives. */
function assetsIn(directory: string, { files }: Manifest): Synthesized['assetOf'] {
  const folders = new Map<string, string>();
  for (const { source, destinations } of Object.values(files)) {
    if (source.packaging !== 'zip') continue;
    for (const { objectKey } of Object.values(destinations)) folders.set(objectKey, join(directory, source.path));
  }
  return (key) => {
    const folder = folders.get(key);
    if (folder !== undefined) return zipOfFolder(folder);
    throw new Error(`template: there is no asset ${key}`);
  };
}

/** Writes below `dir`. Throws as RouterStack does. */
export function synthesize(document: RouterInput, dir: string): SynthesizedRouter {
  const app = new App({ outdir: join(dir, 'cdk.out'), context: cdkFlags(), analyticsReporting: false });
  const stack = new RouterStack(app, NAME, {
    router: document,
    baseDir: dir,
    outDir: join(dir, 'dist'),
    functionsFile: new URL('serverless.yml', ROOT).pathname,
    prefix: PREFIX,
  });
  const { directory } = app.synth();
  const read = (file: string): unknown => JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const template = read(`${NAME}.template.json`) as Template;
  const assetOf = assetsIn(directory, read(`${NAME}.assets.json`) as Manifest);
  const { router } = stack;
  const queueUrl = (which: 'queue' | 'deadLetterQueue') =>
    mapped(router.routes, (route) => stack.resolve(route[which].queueUrl) as unknown);
  return {
    name: NAME,
    template,
    router,
    assetOf,
    codeOf(name) {
      const id = stack.resolve(router.functions.get(name)!.fn.functionName) as { readonly Ref: string };
      const { S3Key } = template.Resources[id.Ref]!.Properties!['Code'] as { readonly S3Key: string };
      return assetOf(S3Key);
    },
    places: {
      api: stack.resolve(router.intake.httpApi.apiId) as unknown,
      functions: mapped(router.functions, ({ fn }) => stack.resolve(fn.functionName) as unknown),
      roles: mapped(router.functions, ({ role }) => stack.resolve(role.roleName) as unknown),
      logs: mapped(router.functions, ({ logGroup }) => stack.resolve(logGroup.logGroupName) as unknown),
      secrets: mapped(router.secrets, ({ secretArn }) => stack.resolve(secretArn) as unknown),
      queues: queueUrl('queue'),
      deadLetters: queueUrl('deadLetterQueue'),
    },
  };
}
