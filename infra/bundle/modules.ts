// Where the module of each kind is, by convention, and which function of which cloud needs what. Paths only: infra reaches
// functions and adapters for bundling, and never imports them. test/infra/bundle.test.ts holds the convention.

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

export type Cloud = 'aws' | 'gcp' | 'azure';

interface Needs {
  /** What it takes along: a webhook the bus and the sources; what delivers the bus, the targets and the rules. */
  readonly does: 'intake' | 'delivery' | 'redrive';
  /** Kinds of buses that it is for; all of other machines if absent. */
  readonly buses?: readonly string[];
}

const webhook: Needs = { does: 'intake' };
const push: Needs = { does: 'delivery', buses: ['pubsub', 'eventgrid'] };

export const functionsOf: Readonly<Record<Cloud, Readonly<Record<string, Needs>>>> = {
  aws: {
    webhook,
    deliver: { does: 'delivery', buses: ['eventbridge', 'kafka'] },
    redrive: { does: 'redrive', buses: ['eventbridge'] },
  },
  gcp: { webhook, push },
  azure: { webhook, push },
};

export interface ModuleOf {
  /** Absolute. */
  readonly path: string;
  /** The name under which its option table is exported by `options`. */
  readonly table: string;
  /** Absolute; of the file with the option tables. */
  readonly options: string;
}

// '.ts' as written, '.js' as published.
const EXTENSION = extname(import.meta.url);

/** The folder of router/, adapters/, functions/ and infra/. */
export const rootDir = fileURLToPath(new URL('../..', import.meta.url));

export function pathOf(module: string): string {
  return `${rootDir}${module}${EXTENSION}`;
}

/** 'standard-webhooks' → 'standardWebhooksOptions' */
function tableOf(kind: string): string {
  return `${kind.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())}Options`;
}

/** Buses that look at the rules when they publish. */
export const asksForRules: readonly string[] = ['pubsub'];

/** Functions speak to EventBridge without its SDK. */
const ownAdapters: Readonly<Record<string, string>> = { eventbridge: 'adapter-signed' };

export const moduleOf = {
  bus: (kind: string): ModuleOf => ({
    path: pathOf(`adapters/${kind}/${ownAdapters[kind] ?? 'adapter'}`),
    table: tableOf(kind),
    options: pathOf(`adapters/${kind}/options`),
  }),
  source: (kind: string): ModuleOf => ({
    path: pathOf(`functions/sources/${kind}`),
    table: tableOf(kind),
    options: pathOf('functions/sources/options'),
  }),
  target: (kind: string): ModuleOf => ({
    path: pathOf(`functions/targets/${kind}`),
    table: tableOf(kind),
    options: pathOf('functions/targets/options'),
  }),
  store: (kind: string): ModuleOf => ({
    path: pathOf(`adapters/oversize/${kind}`),
    table: tableOf(kind),
    options: pathOf('adapters/oversize/options'),
  }),
} as const;
