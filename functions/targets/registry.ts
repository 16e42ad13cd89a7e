// Every kind of target: what it is, its options, and where its implementation is. Pure: nothing is opened here, so plan,
// CLI and documentation know every option without loading an SDK or a socket. A new kind is one file and one line here.

import type { Kind, Options, OptionTable } from '../../router/config.ts';
import { cidrProblem } from './address.ts';
import { arnProblem } from './arn.ts';
import type { Target, TargetParts } from './target.ts';
import { templateProblem } from './template.ts';
import { urlProblem } from './url.ts';

export interface TargetModule {
  /** Rejects with a RouterError that says what to change. Opens no connection. */
  open(options: Options, parts: TargetParts): Promise<Target>;
}

const MAX_TIMEOUT_MS = 900_000; // 15 min: the longest a Lambda function runs

const http: OptionTable = {
  url: { type: 'string', required: true, check: urlProblem, says: 'where to POST, https:// or http://' },
  secret: { type: 'env', says: 'variable with the signing secret, whsec_...; BUSWAY_SIGNING_SECRET if absent' },
  allow: { type: 'strings', check: cidrProblem, says: 'private address ranges that the url may lead to, as CIDR' },
  timeoutMs: { type: 'integer', min: 1, max: MAX_TIMEOUT_MS, default: 10_000, says: 'for a whole exchange' },
};

const slack: OptionTable = {
  webhook: { type: 'env', required: true, says: "variable with the incoming webhook's url" },
  text: {
    type: 'string',
    required: true,
    check: templateProblem,
    says: 'the message, with {{ data.path }} for values',
  },
};

const fn: OptionTable = {
  module: { type: 'string', says: "path of a module that exports 'handler', relative to the document" },
  arn: { type: 'string', check: arnProblem, says: 'a Lambda function; exactly one of module and arn' },
  timeoutMs: { type: 'integer', min: 1, max: MAX_TIMEOUT_MS, default: 30_000, says: 'for one call' },
};

export const targets: Readonly<Record<string, Kind<TargetModule>>> = {
  http: { says: 'POST the event to a url, signed', options: http, load: () => import('./http.ts') },
  slack: { says: 'post a line of text to a Slack channel', options: slack, load: () => import('./slack.ts') },
  fn: { says: 'call a function of your own', options: fn, load: () => import('./fn.ts') },
  log: { says: 'print the event as a line of JSON', options: {}, load: () => import('./log.ts') },
};
