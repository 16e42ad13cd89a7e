// The functions that serverless.yml lists, for plan: by the same reader that the stack and the bundler go by.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readService } from '../../infra/functions.ts';
import type { PlanFinding } from '../../infra/plan/finding.ts';
import type { PlannedPart } from '../../infra/plan/plan-file.ts';
import { toRouterError } from '../../router/errors.ts';
import { hashOf } from '../../router/rule.ts';

const FILE = 'serverless.yml';

export interface Functions {
  readonly functions: readonly PlannedPart[];
  readonly findings: readonly PlanFinding[];
}

/** A finding for each mistake of the file. */
function findingsOf(thrown: unknown): readonly PlanFinding[] {
  const { code, message } = toRouterError(thrown);
  const level = code === 'UNSUPPORTED' ? 'note' : 'error';
  return message.split('\n').map((line) => {
    const [, at = FILE, says = line] = /^(serverless\.yml(?::\d+)?):? (.*)$/.exec(line) ?? [];
    return { level, kind: 'functions', at, says };
  });
}

/** None where there is no such file in `cwd`. */
export async function readFunctions(cwd: string): Promise<Functions> {
  const text = await readFile(join(cwd, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return { functions: [], findings: [] };
  try {
    const { functions } = readService(text, FILE);
    return {
      functions: functions.map((one) => ({ name: one.name, kind: one.handler, hash: hashOf(one) })),
      findings: [],
    };
  } catch (thrown) {
    return { functions: [], findings: findingsOf(thrown) };
  }
}
