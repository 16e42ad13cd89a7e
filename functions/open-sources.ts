// Makes a document's sources ready to verify: implementation loaded, secrets turned into keys once.

import type { Kind, Options } from '../router/config.ts';
import type { RouterDocument, SourceChoice } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import { secretVariable } from '../router/secret-variable.ts';
import type { Source, SourceParts } from './sources/source.ts';
import type { OpenSource } from './webhook.ts';

export { secretVariable };

export interface SourceModule {
  open(options: Options, parts: SourceParts): Source;
}

export type SourceKinds = Readonly<Record<string, Kind<SourceModule>>>;

/** Where a source's secrets come from; several for rotation, none when there are none. */
export type SecretsOf = (sourceName: string, source: Source) => readonly string[];

/** Secrets from environment variables, comma-separated. */
export function secretsFromEnv(env: (name: string) => string | undefined): SecretsOf {
  return (name) =>
    (env(secretVariable(name)) ?? '')
      .split(',')
      .map((secret) => secret.trim())
      .filter((secret) => secret !== '');
}

export async function openSource({ name, kind, options }: SourceChoice, kinds: SourceKinds): Promise<Source> {
  const found = kinds[kind];
  if (found === undefined) throw new RouterError('UNSUPPORTED', `source '${name}': no source kind '${kind}' here`);
  return (await found.load()).open(options, { name });
}

/** Throws SECRET_MISSING with the variable to set, or SECRET_INVALID. */
export async function openSources(
  document: Pick<RouterDocument, 'sources'>,
  kinds: SourceKinds,
  secretsOf: SecretsOf,
): Promise<ReadonlyMap<string, OpenSource>> {
  const opened = new Map<string, OpenSource>();
  const variables = new Map<string, string>();
  for (const choice of document.sources) {
    const { name } = choice;
    const source = await openSource(choice, kinds);
    const variable = secretVariable(name);
    const other = variables.get(variable);
    if (other !== undefined) {
      const says = `sources '${other}' and '${name}' would share the variable ${variable}; rename one`;
      throw new RouterError('CONFIG_INVALID', says);
    }
    variables.set(variable, name);
    const secrets = source.needsSecret ? secretsOf(name, source) : [];
    if (source.needsSecret && secrets.length === 0) {
      throw new RouterError(
        'SECRET_MISSING',
        `source '${name}' needs a secret: set ${variable} (two, comma-separated, while rotating)`,
      );
    }
    opened.set(name, { name, source, keys: secrets.map((secret) => source.key(secret)) });
  }
  return opened;
}
