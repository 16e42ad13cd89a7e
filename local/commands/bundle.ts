// busway bundle: each function as one file with only what it needs, for whoever deploys it by another tool than busway deploy,
// and for Google Cloud and Azure. Reads no secret and reaches no network.

import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Bundle, bundleFunctions, type Cloud, functionsFor } from '../../infra/bundle.ts';
import { readFunctions } from '../../infra/functions.ts';
import { readRouter } from '../../infra/read-router.ts';
import { unknownName } from '../../router/config.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';

const clouds: readonly Cloud[] = ['aws', 'gcp', 'azure'];

function cloudOf(args: Args): Cloud {
  const given = args.string('cloud') ?? 'aws';
  const found = clouds.find((cloud) => cloud === given);
  if (found === undefined) throw usage(unknownName('cloud', given, clouds));
  return found;
}

/** Those of the cloud that are for the document's bus; on AWS only what serverless.yml lists. */
function namesOf(bus: unknown, cloud: Cloud, cwd: string): readonly string[] {
  const kind = typeof bus === 'object' && bus !== null && 'use' in bus ? bus.use : bus;
  const known = functionsFor(cloud, String(kind ?? 'embedded'));
  if (cloud !== 'aws') return known;
  const file = join(cwd, 'serverless.yml');
  const listed = readFunctions(existsSync(file) ? file : undefined).map(({ name }) => name);
  return known.filter((name) => listed.includes(name));
}

async function run(args: Args, io: Io): Promise<number> {
  const cloud = cloudOf(args);
  const { router, baseDir } = await readRouter(args.string('config') ?? 'infra/router.ts', io.cwd);
  const outDir = resolve(io.cwd, args.string('out') ?? (cloud === 'aws' ? 'dist' : `dist/${cloud}`));
  const functions = namesOf(router.bus, cloud, io.cwd).map((name) => ({ name }));
  const lineOf = ({ name, dir, bytes, rulesHash }: Bundle): string => {
    const shown = relative(io.cwd, dir);
    if (args.flag('json')) return JSON.stringify({ name, dir: shown, bytes, rulesHash });
    return `${name}: ${shown}/index.mjs, ${bytes} bytes, rules ${rulesHash}`;
  };
  for (const made of bundleFunctions({ document: router, baseDir, functions, outDir, cloud })) io.out(lineOf(made));
  return 0;
}

export const bundle: Command = {
  name: 'bundle',
  usage: 'bundle [--cloud aws|gcp|azure] [--config FILE] [--out DIR] [--json]',
  says:
    'Writes each function as one file, index.mjs, with its source map and the rules as data beside it, in a folder of its own:\n' +
    'webhook, and what delivers for the bus of the document. busway deploy does so by itself; this is for other tools, and for\n' +
    'Google Cloud (target `handler` of the functions-framework) and Azure (the folder is the root of a function app).',
  example: 'busway bundle --cloud gcp --out build',
  options: {
    cloud: { type: 'string', value: 'CLOUD', says: 'aws, gcp or azure (default aws)' },
    config: shared.config,
    out: { type: 'string', value: 'DIR', says: 'where the folders are written (default dist, or dist/CLOUD)' },
    json: shared.json,
  },
  run,
};
