// cfn-lint 1.58.0, which knows CloudFormation's own schemas of resources, run over a template. Fetches nothing: where it is not
// there the reason is told (.ci/run installs it).

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../.busway/emulators/cfn-lint/bin/cfn-lint', import.meta.url));

/** False where it is there; else why it is not. */
export const noCfnLint: string | false = existsSync(BIN)
  ? false
  : 'no cfn-lint 1.58.0: .ci/run installs it into .busway/emulators/cfn-lint';

/** What it finds, a line each; W3005, a DependsOn that a reference implies, is left out. `file`: a template. */
export function lintTemplate(file: string): readonly string[] {
  const args = ['--ignore-checks', 'W3005', '--format', 'parseable', '--', file];
  const { stdout, stderr, status } = spawnSync(BIN, args, { encoding: 'utf8' });
  if (status === null) throw new Error(`cfn-lint did not run: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}
