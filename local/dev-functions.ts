// Which functions of serverless.yml run under `busway dev`, all in its one process; what is listed there and does not run here,
// or the other way round, is said at the start, so that nothing works on this machine only.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readFunctions } from '../infra/functions.ts';
import { toRouterError } from '../router/errors.ts';

/** Function → what does its work here. */
export const devFunctions: Readonly<Record<string, string>> = {
  webhook: 'the intake at POST /webhooks/<source>',
  deliver: 'the deliveries to the targets',
  redrive: 'busway redrive',
};

function differences(listed: readonly string[]): readonly string[] {
  const here = Object.keys(devFunctions);
  return [
    ...listed.filter((name) => !here.includes(name)).map((name) => `lists '${name}', which busway dev does not run`),
    ...here
      .filter((name) => !listed.includes(name))
      .map((name) => `does not list '${name}', so a deployment would be without ${devFunctions[name]}`),
  ];
}

/** A line for each difference, or for each mistake in the list. None where the project has no serverless.yml. */
export function functionWarnings(cwd: string): readonly string[] {
  const file = join(cwd, 'serverless.yml');
  if (!existsSync(file)) return [];
  try {
    return differences(readFunctions(file).map(({ name }) => name)).map((says) => `serverless.yml ${says}`);
  } catch (thrown) {
    return toRouterError(thrown).message.split('\n');
  }
}
