// Target kind `fn`: a function of the user's own, in this process by module path or in AWS Lambda by ARN.
// A thrown error's text stays out of verdicts, since nobody knows what it quotes: its name, code and place are shown.

import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Options } from '../../router/config.ts';
import { errorTable, RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { createBounds } from './bounds.ts';
import type { Delivery, Target, TargetParts, Verdict } from './target.ts';
import { ACK, encodingFailed } from './verdict.ts';

/** A CloudEvent in its JSON form; a copy of its own for each call. Binary data stands in `data_base64`. */
export interface FnEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly [attribute: string]: unknown;
}

export interface FnContext {
  readonly rule: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Aborts when the time is up and when the router stops. */
  readonly signal: AbortSignal;
}

/** Returning is success. A throw is tried again, but for a RouterError whose code is not worth another try. */
export type FnHandler = (event: FnEvent, context: FnContext) => unknown;

export interface FnExtras {
  /** Module path of the document → the module. A bundle gives its own; Node's import if absent. */
  readonly load?: (path: string) => Promise<Readonly<Record<string, unknown>>>;
}

export function toFnEvent({ attributes, data }: CloudEvent): FnEvent {
  if (data === undefined) return { ...attributes };
  if (data.kind === 'binary') return { ...attributes, data_base64: data.bytes.toString('base64') };
  const text = data.bytes.toString('utf8');
  // Parsed anew: the memoised value is shared with the matcher, and a handler may change what it is given.
  return { ...attributes, data: data.kind === 'json' ? JSON.parse(text) : text };
}

/** "TypeError at handlers/index.ts:12" of whatever was thrown; never its text. */
function describe(thrown: unknown, baseDir: string): string {
  if (!(thrown instanceof Error)) return thrown === null ? 'null' : `a value of type ${typeof thrown}`;
  const name = /^[A-Za-z]{1,60}$/.test(thrown.name) ? thrown.name : 'an error';
  const code = (thrown as { code?: unknown }).code;
  const shown = typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? `${name} ${code}` : name;
  const stack = String(thrown.stack ?? '').replace(thrown.message, '');
  const frame = /^\s+at .*?(file:\/\/[^\s()]+?):(\d+):\d+\)?$/m.exec(stack);
  if (frame === null) return shown;
  const path = relative(baseDir, fileURLToPath(frame[1]!.replace(/\?.*$/, '')));
  return path.startsWith('..') ? shown : `${shown} at ${path}:${frame[2]}`;
}

function verdictOfThrown(thrown: unknown, label: string, baseDir: string): Verdict {
  const { name, code, message } = (thrown ?? {}) as { name?: unknown; code?: unknown; message?: unknown };
  // By shape: a handler may have its own copy of the class.
  if (name === 'RouterError' && typeof code === 'string' && Object.hasOwn(errorTable, code)) {
    const known = code as keyof typeof errorTable;
    return { kind: errorTable[known].retry ? 'retry' : 'dead', code: known, reason: `${label}: ${String(message)}` };
  }
  return { kind: 'retry', code: 'TARGET_FAILED', reason: `${label} threw ${describe(thrown, baseDir)}` };
}

async function loadHandler(path: string, parts: TargetParts, extras: FnExtras): Promise<FnHandler> {
  const load = extras.load ?? ((name: string) => import(pathToFileURL(resolve(parts.baseDir, name)).href));
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await load(path);
  } catch (cause) {
    const says = `rule '${parts.rule}': the module '${path}' cannot be loaded: ${describe(cause, parts.baseDir)}`;
    throw new RouterError('CONFIG_INVALID', `${says}; paths are relative to the router document`, { cause });
  }
  const handler = module['handler'] ?? module['default'];
  if (typeof handler === 'function') return handler as FnHandler;
  const found = Object.keys(module).join(', ') || 'nothing';
  const says = `rule '${parts.rule}': the module '${path}' must export a function named 'handler'`;
  throw new RouterError('CONFIG_INVALID', `${says}, found ${found}`);
}

/** Throws CONFIG_INVALID, or UNSUPPORTED when the AWS SDK is missing. */
export async function open(options: Options, parts: TargetParts, extras: FnExtras = {}): Promise<Target> {
  const path = options['module'] as string | undefined;
  const arn = options['arn'] as string | undefined;
  const timeoutMs = (options['timeoutMs'] as number | undefined) ?? 30_000;
  if ((path === undefined) === (arn === undefined)) {
    const found = path === undefined ? 'neither' : 'both';
    throw new RouterError(
      'CONFIG_INVALID',
      `rule '${parts.rule}': to.fn takes exactly one of module and arn, found ${found}`,
    );
  }
  if (arn !== undefined) {
    const { openLambda } = await import('./lambda.ts');
    return openLambda(arn, timeoutMs, parts);
  }
  return openModule(path!, { timeoutMs, parts, handler: await loadHandler(path!, parts, extras) });
}

interface ModuleTarget {
  readonly timeoutMs: number;
  readonly parts: TargetParts;
  readonly handler: FnHandler;
}

function openModule(path: string, { timeoutMs, parts, handler }: ModuleTarget): Target {
  const label = `fn ${path}`;
  const bounds = createBounds(label, timeoutMs);
  async function call({ event, rule, attempt }: Delivery, signal: AbortSignal): Promise<Verdict> {
    let given: FnEvent;
    try {
      given = toFnEvent(event);
    } catch (error) {
      return encodingFailed(error);
    }
    try {
      await handler(given, { rule, attempt, signal });
      return ACK;
    } catch (thrown) {
      return verdictOfThrown(thrown, label, parts.baseDir);
    }
  }
  return {
    label,
    deliver: (delivery, signal) => bounds.run(signal, (inner) => call(delivery, inner)),
    async close() {
      bounds.close();
    },
  };
}
