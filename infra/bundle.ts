// Each function as one file with only what it needs: its host, the document's bus, the sources (webhook) or the targets
// (deliver, push) that are used. Beside it the rules as data. Everything is built before anything is written. Synchronous,
// for a CDK construct is.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buses, stores } from '../adapters/registry.ts';
import { sources } from '../functions/sources/registry.ts';
import { targets } from '../functions/targets/registry.ts';
import { unknownName } from '../router/config.ts';
import { checkDocument, type RouterDocument } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import { canonicalJson } from '../router/rule.ts';
import { type Built, build } from './bundle/build.ts';
import { entryText, modulesOf } from './bundle/entry.ts';
import { type Cloud, functionsOf } from './bundle/modules.ts';
import type { RouterInput } from './define.ts';

export type { Cloud };

export interface BundleRequest {
  /** As written. */
  readonly document: RouterInput;
  /** What module paths in the document are relative to. */
  readonly baseDir: string;
  readonly functions: readonly { readonly name: string }[];
  readonly outDir: string;
  readonly cloud: Cloud;
}

export interface Bundle {
  readonly name: string;
  /** index.mjs, index.mjs.map, rules.json, and what the cloud wants besides. */
  readonly dir: string;
  readonly handler: 'index.handler';
  /** Of index.mjs. */
  readonly bytes: number;
  /** 16 hex digits over the document as written: what log lines call documentHash. */
  readonly rulesHash: string;
}

/** The functions of a cloud that are of use with a bus. */
export function functionsFor(cloud: Cloud, bus: string): readonly string[] {
  return Object.entries(functionsOf[cloud]).flatMap(([name, { buses: only }]) =>
    only === undefined || only.includes(bus) ? [name] : [],
  );
}

function refuse(says: string): never {
  throw new RouterError('CONFIG_INVALID', says);
}

function checkForCloud({ bus, oversize }: RouterDocument): void {
  if (bus.kind === 'embedded') {
    refuse(
      'bus: the embedded bus lives in a folder of one machine and would lose events in a function; choose another',
    );
  }
  if (bus.options['client'] === 'platformatic') {
    refuse("bus.client: 'platformatic' loads files of its own and cannot be bundled; leave it out for functions");
  }
  if (oversize?.store.kind === 'folder') {
    refuse('oversize.store: the folder of one instance is not there for the next, and its data would be lost; use s3');
  }
}

function checkFunctions({ functions, cloud }: Omit<BundleRequest, 'outDir'>, { bus }: RouterDocument): void {
  for (const { name } of functions) {
    const needs =
      functionsOf[cloud][name] ?? refuse(unknownName(`function of ${cloud}`, name, Object.keys(functionsOf[cloud])));
    if (needs.buses !== undefined && !needs.buses.includes(bus.kind)) {
      refuse(
        `function '${name}' on ${cloud} is for the buses ${needs.buses.join(', ')}; the document's is ${bus.kind}`,
      );
    }
  }
}

function checkModules(document: RouterDocument, baseDir: string): void {
  for (const path of modulesOf(document)) {
    const rule = document.rules.find(({ to }) => to.options['module'] === path)!;
    if (!existsSync(resolve(baseDir, path))) {
      refuse(`rule '${rule.name}' to.fn.module: there is no file ${path}; paths are relative to the router document`);
    }
  }
}

/** Packages that a bundle goes without: what of them is asked for is asked for on other machines only. */
function externalOf({ rules }: RouterDocument): readonly string[] {
  const callsLambda = rules.some(({ to }) => to.options['arn'] !== undefined);
  return [
    '@aws-sdk/client-eventbridge',
    '@google-cloud/pubsub',
    '@platformatic/kafka',
    // The worker of Azure Functions has it.
    '@azure/functions-core',
    ...(callsLambda ? [] : ['@aws-sdk/client-lambda']),
  ];
}

const MODULE = `${JSON.stringify({ type: 'module', main: 'index.mjs' })}\n`;

/** What the host of a cloud looks for. */
const besides: Readonly<Record<Cloud, Readonly<Record<string, string>>>> = {
  aws: {},
  gcp: { 'package.json': MODULE },
  azure: { 'package.json': MODULE, 'host.json': `${JSON.stringify({ version: '2.0' })}\n` },
};

export interface BuiltFunction extends Built {
  readonly name: string;
}

export interface BuiltFunctions {
  readonly functions: readonly BuiltFunction[];
  /** The document as written, canonical. */
  readonly rules: string;
  readonly rulesHash: string;
}

/**
 * Writes nothing. Throws DOCUMENT_INVALID, CONFIG_INVALID for what no function of this cloud could run, UNSUPPORTED where a
 * package is missing.
 */
export function buildFunctions(request: Omit<BundleRequest, 'outDir'>): BuiltFunctions {
  const { document: written, baseDir, functions, cloud } = request;
  const document = checkDocument(written, { buses, sources, targets, stores });
  checkForCloud(document);
  checkFunctions(request, document);
  checkModules(document, baseDir);
  const external = externalOf(document);
  const built = functions.map(({ name }) => {
    const entry = entryText({ cloud, name, document, baseDir });
    return { name, ...build({ what: `function '${name}'`, entry, external }) };
  });
  return { functions: built, rules: canonicalJson(written), rulesHash: document.hash };
}

/** Throws as buildFunctions; then nothing was written. */
export function bundleFunctions({ outDir, ...request }: BundleRequest): readonly Bundle[] {
  const { functions, rules, rulesHash } = buildFunctions(request);
  return functions.map(({ name, code, map }) => {
    const dir = join(outDir, name);
    mkdirSync(dir, { recursive: true });
    const files = { 'index.mjs': code, 'index.mjs.map': map, 'rules.json': rules, ...besides[request.cloud] };
    for (const [file, content] of Object.entries(files)) writeFileSync(join(dir, file), content);
    return { name, dir, handler: 'index.handler', bytes: code.length, rulesHash };
  });
}
