// What a plan is compared with: an earlier plan or a router document that --against names, else the plan that was kept in
// the data folder. Files are read whole, up to a bound, and never executed but for a document in TypeScript.

import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { isPlanLike, type Plan, readPlan } from '../../infra/plan/plan-file.ts';
import { planOf } from '../../infra/plan.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { canonicalJson } from '../../router/rule.ts';
import type { Io } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { planAws } from './aws.ts';
import { loadFilters } from './filters.ts';

const MAX_BYTES = 64 * 1024 * 1024;

export interface Earlier {
  readonly plan: Plan;
  /** As the user knows it. */
  readonly from: string;
}

async function readText(file: string, shown: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new RouterError('CONFIG_INVALID', `there is no file ${shown}; --against takes a plan or a router document`);
  }
  if (found.size > MAX_BYTES) {
    throw new RouterError('CONFIG_INVALID', `${shown}: is larger than ${MAX_BYTES} bytes, so it is no plan`);
  }
  return readFile(file, 'utf8');
}

function readJson(text: string, shown: string): unknown {
  try {
    return readDocumentText(text);
  } catch (cause) {
    throw new RouterError('CONFIG_INVALID', `${shown}: ${toRouterError(cause).message}`, { cause });
  }
}

/** A document is planned on its own bus. It names no functions. */
async function planOfDocument(given: string, io: Io): Promise<Plan> {
  const { document, baseDir } = await loadDocument(given, io.cwd);
  const { filters, findings } = await loadFilters(document, baseDir);
  const [wrong] = findings;
  if (wrong !== undefined) throw new RouterError('DOCUMENT_INVALID', `${given}: ${wrong.at}: ${wrong.says}`);
  const { aws } = await planAws({ document, problems: [], places: new Map() }, document.bus.kind, io.cwd);
  return planOf(document, filters.get(document.bus.kind)!, aws);
}

/** Throws CONFIG_INVALID or DOCUMENT_INVALID for a file that is neither a plan nor a router document. */
export async function readAgainst(given: string, io: Io): Promise<Earlier> {
  const file = resolve(io.cwd, given);
  const text = await readText(file, given);
  const value = extname(file) === '.json' ? readJson(text, given) : undefined;
  const plan = isPlanLike(value) ? readPlan(value, given) : await planOfDocument(given, io);
  return { plan, from: given };
}

export interface Kept {
  readonly file: string;
  /** The file for messages, relative to where the command runs. */
  readonly shown: string;
}

export function keptIn(dataDir: string, cwd: string): Kept {
  const file = join(dataDir, 'plan.json');
  return { file, shown: relative(cwd, file) || file };
}

/** The plan that was kept last; undefined when there is none, and with a warning when it cannot be read. */
export async function readKept({ file, shown }: Kept, io: Io): Promise<Earlier | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return undefined;
  try {
    const plan = readPlan(readJson(await readText(file, shown), shown), shown);
    return { plan, from: `${shown} of ${found.mtime.toISOString().slice(0, 16).replace('T', ' ')} UTC` };
  } catch (thrown) {
    io.err(`warning: the kept plan is left aside: ${toRouterError(thrown).message}`);
    return undefined;
  }
}

/** Whole or not at all. Resolves to false, with a warning, where the folder cannot be written. */
export async function keep(plan: Plan, { file, shown }: Kept, io: Io): Promise<boolean> {
  const fresh = `${file}.${io.randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(fresh, `${canonicalJson(plan)}\n`, { mode: 0o600 });
    await rename(fresh, file);
    return true;
  } catch (thrown) {
    await rm(fresh, { force: true }).catch(() => undefined);
    io.err(`warning: the plan was not kept as ${shown}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return false;
  }
}
