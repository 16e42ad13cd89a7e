// The list of functions, which serverless.yml is: read and checked once for all who go by it (the CDK stack, the bundler,
// busway plan). What the stack would not do as the file says is refused, so that both deployments stay the same.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isObject, type Problem, show, unknownName } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';
import { readYaml } from './yaml-lines.ts';

export interface ListedFunction {
  readonly name: string;
  /** 'dist/webhook/index.handler', where the bundler puts it. */
  readonly handler: string;
  /** MB */
  readonly memory: number;
  /** Seconds. */
  readonly timeout: number;
  /** 'POST /webhooks/{source}' */
  readonly routes: readonly string[];
  /** Further events follow from the rules and stand in a file that the bundler writes: 'dist/serverless.json:deliver'. */
  readonly eventsFrom?: string;
}

export interface Service {
  readonly service: string;
  /** 'nodejs24.x' */
  readonly runtime: string;
  readonly architecture: 'arm64' | 'x86_64';
  readonly functions: readonly ListedFunction[];
}

const FILE = 'serverless.yml';
const topKeys = [
  ...['service', 'frameworkVersion', 'configValidationMode', 'useDotenv', 'plugins', 'custom', 'params'],
  ...['provider', 'package', 'functions', 'resources', 'outputs'],
];
const functionKeys = ['handler', 'description', 'memorySize', 'timeout', 'events', 'environment', 'role', 'package'];
const eventKinds = ['httpApi'];
const FUNCTION_NAME = /^[A-Za-z][A-Za-z0-9-]{0,31}$/;
const ROUTE = /^(?:GET|POST|PUT|PATCH|DELETE|OPTIONS|HEAD) \/\S{0,255}$/;
const FROM_FILE = /^\$\{file\(([A-Za-z0-9._/-]{1,200})\):([A-Za-z0-9.-]{1,100})\}$/;
const RUNTIME = /^nodejs\d+\.x$/;

interface Found {
  readonly problems: Problem[];
}

function unknownKeys(given: Readonly<Record<string, unknown>>, path: string, allowed: readonly string[], found: Found) {
  for (const key of Object.keys(given)) {
    if (!allowed.includes(key)) {
      found.problems.push({ path: path === '' ? key : `${path}.${key}`, says: unknownName('key', key, allowed) });
    }
  }
}

function textAt(given: unknown, path: string, form: RegExp, { problems }: Found, due: string): string {
  if (typeof given === 'string' && form.test(given)) return given;
  problems.push({ path, says: `must be ${due}, found ${show(given)}` });
  return '';
}

function numberAt(given: unknown, path: string, [min, max]: readonly [number, number], { problems }: Found): number {
  if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max) return given;
  problems.push({ path, says: `must be a whole number from ${min} to ${max}, found ${show(given)}` });
  return min;
}

type Events = Pick<ListedFunction, 'routes' | 'eventsFrom'>;

function readEvents(given: unknown, path: string, found: Found): Events {
  const { problems } = found;
  if (given === undefined) return { routes: [] };
  if (typeof given === 'string') {
    const [, file, key] = FROM_FILE.exec(given) ?? [];
    if (file !== undefined && key !== undefined) return { routes: [], eventsFrom: `${file}:${key}` };
  }
  if (!Array.isArray(given)) {
    const due = `a list such as [{ httpApi: POST /webhooks/{source} }], or one of a file: \${file(dist/serverless.json):deliver}`;
    problems.push({ path, says: `must be ${due}; found ${show(given)}` });
    return { routes: [] };
  }
  const routes = given.flatMap((event: unknown, i): string[] => {
    const at = `${path}[${i}]`;
    if (!isObject(event)) {
      problems.push({ path: at, says: `must be an object such as { httpApi: POST /path }, found ${show(event)}` });
      return [];
    }
    unknownKeys(event, at, eventKinds, found);
    if (!Object.hasOwn(event, 'httpApi')) return [];
    return [
      textAt(event['httpApi'], `${at}.httpApi`, ROUTE, found, "a method and a path, such as 'POST /webhooks/{source}'"),
    ];
  });
  return { routes };
}

/** Each function's package is its bundle and nothing else. */
function checkPackage(given: unknown, name: string, path: string, { problems }: Found): void {
  const due = `dist/${name}/**`;
  const patterns = isObject(given) ? given['patterns'] : undefined;
  if (Array.isArray(patterns) && patterns.length === 1 && patterns[0] === due) return;
  problems.push({ path, says: `must be { patterns: ['${due}'] }: the bundle of the function and nothing else` });
}

function readFunction(name: string, given: unknown, found: Found): ListedFunction | undefined {
  const path = `functions.${name}`;
  const { problems } = found;
  if (!FUNCTION_NAME.test(name)) problems.push({ path, says: "must be named by 1 to 32 letters, digits and '-'" });
  if (!isObject(given)) {
    problems.push({ path, says: `must be an object with ${functionKeys.join(', ')}; found ${show(given)}` });
    return undefined;
  }
  unknownKeys(given, path, functionKeys, found);
  const handler = `dist/${name}/index.handler`;
  if (given['handler'] !== handler) {
    const says = `must be ${handler}, where the bundler puts it; found ${show(given['handler'])}`;
    problems.push({ path: `${path}.handler`, says });
  }
  checkPackage(given['package'], name, `${path}.package`, found);
  if (given['environment'] !== undefined) {
    const due = `one of the file that the bundler writes, such as \${file(dist/serverless.json):environment.${name}}`;
    textAt(given['environment'], `${path}.environment`, FROM_FILE, found, due);
  }
  // Its rights follow from the rules as well: the resources of that file have a role for each function.
  const role = `${name.charAt(0).toUpperCase()}${name.slice(1)}Role`;
  if (given['role'] !== undefined && given['role'] !== role) {
    problems.push({
      path: `${path}.role`,
      says: `must be ${role}, which the bundler writes; found ${show(given['role'])}`,
    });
  }
  return {
    name,
    handler,
    memory: numberAt(given['memorySize'], `${path}.memorySize`, [128, 10_240], found),
    timeout: numberAt(given['timeout'], `${path}.timeout`, [1, 900], found),
    ...readEvents(given['events'], `${path}.events`, found),
  };
}

function readProvider(given: unknown, found: Found): Pick<Service, 'runtime' | 'architecture'> {
  const { name, runtime, architecture } = isObject(given) ? given : {};
  textAt(name, 'provider.name', /^aws$/, found, 'aws');
  return {
    runtime: textAt(runtime, 'provider.runtime', RUNTIME, found, 'a runtime of Node, such as nodejs24.x'),
    architecture: textAt(
      architecture,
      'provider.architecture',
      /^(?:arm64|x86_64)$/,
      found,
      'arm64 or x86_64',
    ) as 'arm64',
  };
}

function readList(given: unknown, found: Found): readonly ListedFunction[] {
  if (isObject(given) && Object.keys(given).length > 0) {
    return Object.entries(given).flatMap(([name, one]) => readFunction(name, one, found) ?? []);
  }
  found.problems.push({ path: 'functions', says: 'must be an object of name and { handler, memorySize, timeout, … }' });
  return [];
}

/**
 * Throws CONFIG_INVALID that lists every mistake with its line, UNSUPPORTED without js-yaml. `file`: its name for messages.
 */
export function readService(text: string, file = FILE): Service {
  const { value, lineOf } = readYaml(text, file);
  const found: Found = { problems: [] };
  const top = isObject(value) ? value : {};
  if (!isObject(value)) found.problems.push({ path: '', says: `must be an object with ${topKeys.join(', ')}` });
  else unknownKeys(top, '', topKeys, found);
  const service: Service = {
    service: textAt(
      top['service'],
      'service',
      /^[A-Za-z][A-Za-z0-9-]{1,63}$/,
      found,
      "a name of 2 to 64 letters, digits and '-'",
    ),
    ...readProvider(top['provider'], found),
    functions: readList(top['functions'], found),
  };
  if (found.problems.length === 0) return service;
  const lines = found.problems.map(({ path, says }) => {
    const line = lineOf(path);
    return `${file}${line === undefined ? '' : `:${line}`}: ${path === '' ? says : `${path}: ${says}`}`;
  });
  throw new RouterError('CONFIG_INVALID', lines.join('\n'), { problems: found.problems });
}

/** In the working directory, else the package's own. */
function defaultFile(): string {
  const own = join(process.cwd(), FILE);
  return existsSync(own) ? own : fileURLToPath(new URL(`../${FILE}`, import.meta.url));
}

/** As readService; CONFIG_INVALID also where the file cannot be read. Without `path` that of the working directory, else ours. */
export function loadService(path = defaultFile()): Service {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RouterError('CONFIG_INVALID', `${path} cannot be read; it lists the functions`, { cause });
  }
  return readService(text, basename(path));
}

/** As loadService. */
export function readFunctions(path?: string): readonly ListedFunction[] {
  return loadService(path).functions;
}
