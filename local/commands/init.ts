// busway init: writes a first project into the folder it is run in. Never overwrites: a file that is there is left as it is,
// and to a package.json only what it lacks is added. Says what it did, and what comes next.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { RouterError } from '../../router/errors.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';
import { projectFiles } from '../init/files.ts';
import { packageJsonFor } from '../init/package-json.ts';

interface Done {
  readonly file: string;
  readonly did: 'wrote' | 'kept' | 'added';
  readonly what?: readonly string[];
}

/** Our own version, which the package's manifest has: in the repository and installed. */
function ownVersion(): string {
  return (createRequire(import.meta.url)('busway/package.json') as { version: string }).version;
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'it failed';
}

function refused(file: string, verb: 'read' | 'written', cause: unknown): RouterError {
  return new RouterError('CONFIG_INVALID', `${file} cannot be ${verb}: ${codeOf(cause)}`, { cause });
}

async function readIfThere(dir: string, file: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, file), 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw refused(file, 'read', cause);
  }
}

/** Only where nothing is: 'wx' follows no link and opens no file that exists. */
async function writeNew(dir: string, file: string, text: string): Promise<Done> {
  await mkdir(dirname(join(dir, file)), { recursive: true }).catch((cause: unknown) => {
    throw refused(file, 'written', cause);
  });
  try {
    await writeFile(join(dir, file), text, { flag: 'wx' });
    return { file, did: 'wrote' };
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return { file, did: 'kept' };
    throw refused(file, 'written', cause);
  }
}

async function writePackageJson(dir: string): Promise<readonly Done[]> {
  const file = 'package.json';
  const old = await readIfThere(dir, file);
  const { text, added, kept, isModule } = packageJsonFor(old, ownVersion());
  const done: Done[] = [];
  if (old === undefined) done.push(await writeNew(dir, file, text));
  else if (added.length > 0) {
    await writeFile(join(dir, file), text).catch((cause: unknown) => {
      throw refused(file, 'written', cause);
    });
    done.push({ file, did: 'added', what: added });
  }
  if (kept.length > 0) done.push({ file, did: 'kept', what: kept });
  // Else Node would read infra/*.ts as CommonJS, and to change the whole project's kind could break it.
  if (!isModule) done.push(await writeNew(dir, 'infra/package.json', '{ "private": true, "type": "module" }\n'));
  return done;
}

/** A line of advice where a kept .gitignore lets the data folder, and the secrets in it, be committed. */
async function gitignoreAdvice(dir: string): Promise<readonly string[]> {
  const lines = (await readIfThere(dir, '.gitignore'))?.split(/\r?\n/) ?? [];
  if (lines.some((line) => /^\/?\.busway\/?$/.test(line.trim()))) return [];
  return ['warning: .gitignore lacks the line .busway/, and secrets are kept in that folder; add it'];
}

function isInstalled(dir: string): boolean {
  try {
    createRequire(join(dir, 'package.json')).resolve('busway/package.json');
    return true;
  } catch {
    return false;
  }
}

function textOf({ file, did, what }: Done): string {
  if (did === 'wrote') return `wrote ${file}`;
  if (did === 'added') return `added to ${file}: ${what!.join(', ')}`;
  return what === undefined ? `kept ${file}, which is there already` : `kept of ${file}: ${what.join(', ')}`;
}

async function run(args: Args, io: Io): Promise<number> {
  // First, because it is the only one that can be refused for what it says.
  const done = [...(await writePackageJson(io.cwd))];
  for (const [file, text] of Object.entries(projectFiles)) done.push(await writeNew(io.cwd, file, text));
  for (const line of await gitignoreAdvice(io.cwd)) io.err(line);
  if (args.flag('json')) {
    for (const one of done) io.out(JSON.stringify(one));
    return 0;
  }
  for (const one of done) io.out(textOf(one));
  const install = isInstalled(io.cwd) ? [] : ['  npm install'];
  const next = [
    '  npx busway dev',
    '  npx busway send github/issues.opened    in a second terminal',
    '  npx busway test',
  ];
  for (const line of ['', 'next', ...install, ...next]) io.out(line);
  return 0;
}

export const init: Command = {
  name: 'init',
  usage: 'init [--json]',
  says:
    'Writes a first project into this folder: infra/router.ts, a handler, rule tests, scripts in package.json, .gitignore.\n' +
    'Never overwrites: what is there stays as it is.',
  example: 'mkdir my-router && cd my-router && npm install busway && npx busway init',
  options: { json: shared.json },
  run,
};
