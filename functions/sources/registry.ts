// The kinds of sources: a line each with its option table and a lazy import. Pure: nothing here loads an implementation,
// so that a document can be checked, planned and documented without one. A new webhook provider is one file and one line.

import type { Kind, Options } from '../../router/config.ts';
import { cloudeventsOptions, githubOptions, hmacOptions, standardWebhooksOptions } from './options.ts';
import type { Source, SourceParts } from './source.ts';

export interface SourceModule {
  readonly open: (options: Options, parts: SourceParts) => Source;
}

export interface SourceKind extends Kind<SourceModule> {
  /** Its secret, told without opening it: any text that a stack may make up, one in the sender's own form, or none. */
  readonly secret: (options: Options) => 'any' | 'given' | 'none';
}

export const sources: Readonly<Record<string, SourceKind>> = {
  github: {
    says: 'GitHub webhooks, with X-Hub-Signature-256',
    options: githubOptions,
    secret: () => 'any',
    load: () => import('./github.ts'),
  },
  'standard-webhooks': {
    says: 'any sender that follows Standard Webhooks, such as OpenAI, GitLab signing tokens or another Busway',
    options: standardWebhooksOptions,
    secret: () => 'given',
    load: () => import('./standard-webhooks.ts'),
  },
  hmac: {
    says: 'any sender that signs the raw body with an HMAC in a header',
    options: hmacOptions,
    secret: () => 'any',
    load: () => import('./hmac.ts'),
  },
  cloudevents: {
    says: 'CloudEvents over HTTP: binary, structured and batch, with a bearer token',
    options: cloudeventsOptions,
    secret: ({ open }) => (open === true ? 'none' : 'any'),
    load: () => import('./cloudevents.ts'),
  },
};
