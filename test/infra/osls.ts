// osls as a user has it: serverless.yml and node_modules beside the bundles. Nothing is asked of the network.

import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Makes a folder a project, with a home of its own beside it for the caches, and answers where the program is. */
export function oslsProject(dir: string): string {
  cpSync(join(root, 'serverless.yml'), join(dir, 'serverless.yml'));
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  mkdirSync(join(dir, 'home'));
  return join(root, 'node_modules/serverless/bin/serverless.js');
}
