// What a project's package.json needs for Busway, added to what is there. Pure; changes nothing that has a value already.

import { isObject } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';

const scripts = { dev: 'busway dev', test: 'busway test', plan: 'busway plan' } as const;

export interface PackageJson {
  readonly text: string;
  /** What was added, such as 'scripts.dev'. */
  readonly added: readonly string[];
  /** What was to be added and has another value. */
  readonly kept: readonly string[];
  /** False where Node would take infra/*.ts for CommonJS: then infra/ needs a package.json of its own. */
  readonly isModule: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function read(text: string): Json {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Told below; the parser's words quote the file.
  }
  if (isObject(parsed)) return parsed;
  throw new RouterError('CONFIG_INVALID', 'package.json is no JSON object; mend it, or begin in an empty folder');
}

function objectAt(json: Json, key: string): Json {
  const value = json[key] ?? {};
  if (isObject(value)) return value;
  throw new RouterError(
    'CONFIG_INVALID',
    `package.json: '${key}' must be an object; mend it, or begin in an empty folder`,
  );
}

function isDependency(json: Json): boolean {
  return ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'].some((key) =>
    Object.hasOwn(objectAt(json, key), 'busway'),
  );
}

/** Written by `npm install` into an empty folder: nothing of it is anybody's choice, so the module kind is free. */
function isBare(json: Json): boolean {
  return Object.keys(json).every((key) => key === 'dependencies' || key === 'devDependencies');
}

/** `text`: the file, undefined where there is none. Throws CONFIG_INVALID for a file that cannot be added to. */
export function packageJsonFor(text: string | undefined, version: string): PackageJson {
  const json = text === undefined ? { private: true } : read(text);
  const added: string[] = [];
  const kept: string[] = [];
  const next: Record<string, unknown> = { ...json };
  if (text === undefined || isBare(json)) {
    next['type'] = 'module';
    added.push('type');
  }
  const own = objectAt(json, 'scripts');
  const missing = Object.entries(scripts).filter(([name]) => !Object.hasOwn(own, name));
  for (const [name, command] of Object.entries(scripts)) {
    if (Object.hasOwn(own, name) && own[name] !== command) kept.push(`scripts.${name}`);
  }
  if (missing.length > 0) next['scripts'] = { ...own, ...Object.fromEntries(missing) };
  added.push(...missing.map(([name]) => `scripts.${name}`));
  if (!isDependency(json)) {
    next['dependencies'] = { ...objectAt(json, 'dependencies'), busway: `^${version}` };
    added.push('dependencies.busway');
  }
  return { text: `${JSON.stringify(next, null, 2)}\n`, added, kept, isModule: next['type'] === 'module' };
}
