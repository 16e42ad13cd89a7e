// What the commands that read a document share: which file, which data folder, which secrets.

import { resolve } from 'node:path';
import type { SecretsOf } from '../functions/open-sources.ts';
import type { Args, Io } from './command.ts';
import { type DocumentFile, loadDocument } from './document-file.ts';
import { localSecrets } from './secrets.ts';

export interface Opened {
  readonly loaded: DocumentFile;
  readonly dataDir: string;
  readonly secretsOf: SecretsOf;
}

export function dataDirOf(args: Args, io: Io): string {
  return resolve(io.cwd, args.string('data') ?? '.busway');
}

/** The options that lead another command to the same place, as text: ' --config F --data D'. */
export function sameOptions(args: Args, names: readonly string[] = ['config', 'data', 'bus']): string {
  return names.flatMap((name) => (args.string(name) === undefined ? [] : [` --${name} ${args.string(name)}`])).join('');
}

/** The document that --config names, else infra/router.ts. */
export async function openDocument(args: Args, io: Io): Promise<Opened> {
  const config = args.string('config');
  const loaded = await loadDocument(config ?? 'infra/router.ts', io.cwd, args.string('bus'));
  const dataDir = dataDirOf(args, io);
  const secretsOf = localSecrets(dataDir, { env: io.env, make: config === undefined, randomBytes: io.randomBytes });
  return { loaded, dataDir, secretsOf };
}
