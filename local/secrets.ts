// Secrets of the local runtime: the environment first; without --config, one is made per source and kept in the data
// folder, readable by its owner only, so that `busway send` signs with the same.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SecretsOf, secretsFromEnv } from '../functions/open-sources.ts';
import { isObject } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';

/** Throws CONFIG_INVALID for a file that is not ours to read: made anew, no sender's signature would hold any more. */
function read(file: string): Readonly<Record<string, string>> {
  if (!existsSync(file)) return {};
  let kept: unknown;
  try {
    kept = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    kept = undefined;
  }
  if (isObject(kept) && Object.values(kept).every((secret) => typeof secret === 'string')) {
    return kept as Readonly<Record<string, string>>;
  }
  const says =
    'must be a JSON object of source and secret; mend it, or delete it for new secrets, which senders must then learn';
  throw new RouterError('CONFIG_INVALID', `${file}: ${says}`);
}

/** `make` is true only where no --config was given. */
export function localSecrets(
  dataDir: string,
  {
    env,
    make,
    randomBytes,
  }: { env: (name: string) => string | undefined; make: boolean; randomBytes: (size: number) => Buffer },
): SecretsOf {
  const fromEnv = secretsFromEnv(env);
  return (name, source) => {
    const given = fromEnv(name, source);
    if (given.length > 0 || !make) return given;
    const file = join(dataDir, 'secrets.json');
    const kept = read(file);
    const known = Object.hasOwn(kept, name) ? kept[name] : undefined;
    if (known !== undefined) return [known];
    const secret = source.newSecret(randomBytes(32));
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify({ ...kept, [name]: secret }, null, 2), { mode: 0o600 });
    return [secret];
  };
}
