// Rule tests of a document: its own `tests` block, and the lists that *.rules.test.ts files beside it export.

import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Problem } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';
import { type RuleTest, readRuleTests } from '../router/rule-test.ts';
import type { LoadedDocument } from './document-file.ts';

export interface TestFile {
  /** The name of the file. */
  readonly name: string;
  readonly tests: readonly RuleTest[];
}

const ENDING = '.rules.test.ts';

async function readList(path: string): Promise<unknown> {
  const name = basename(path);
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (cause) {
    const says = cause instanceof Error ? cause.message : String(cause);
    throw new RouterError('DOCUMENT_INVALID', `${name}: ${says}`, { cause });
  }
  if (module.default !== undefined) return module.default;
  const fix = 'write export default defineRuleTests([ … ])';
  throw new RouterError('DOCUMENT_INVALID', `${name}: has no default export; ${fix}`);
}

/** Throws DOCUMENT_INVALID with every mistake of all files. A folder without such files gives the document's own alone. */
export async function loadRuleTests({ file, baseDir, document }: LoadedDocument): Promise<readonly TestFile[]> {
  const found = (await readdir(baseDir)).filter((name) => name.endsWith(ENDING)).sort();
  const names = document.rules.map(({ name }) => name);
  const problems: Problem[] = [];
  const files: TestFile[] = [{ name: basename(file), tests: document.tests }];
  for (const name of found) {
    const list = await readList(join(baseDir, name));
    files.push({ name, tests: readRuleTests(list, { path: name, names, problems }) });
  }
  if (problems.length === 0) return files;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('DOCUMENT_INVALID', `the rule tests have mistakes\n  ${lines.join('\n  ')}`, { problems });
}
