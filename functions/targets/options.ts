// The option tables of the kinds of targets, apart from the registry so that a function's bundle can take one without the
// rest. Pure.

import type { OptionTable } from '../../router/config.ts';
import { cidrProblem } from './address.ts';
import { arnProblem } from './arn.ts';
import { templateProblem } from './template.ts';
import { urlProblem } from './url.ts';

const MAX_TIMEOUT_MS = 900_000; // 15 min: the longest a Lambda function runs

export const httpOptions: OptionTable = {
  url: { type: 'string', required: true, check: urlProblem, says: 'where to POST, https:// or http://' },
  secret: { type: 'env', says: 'variable with the signing secret, whsec_...; BUSWAY_SIGNING_SECRET if absent' },
  allow: { type: 'strings', check: cidrProblem, says: 'private address ranges that the url may lead to, as CIDR' },
  timeoutMs: { type: 'integer', min: 1, max: MAX_TIMEOUT_MS, default: 10_000, says: 'for a whole exchange' },
};

export const slackOptions: OptionTable = {
  webhook: { type: 'env', required: true, says: "variable with the incoming webhook's url" },
  text: {
    type: 'string',
    required: true,
    check: templateProblem,
    says: 'the message, with {{ data.path }} for values',
  },
};

export const fnOptions: OptionTable = {
  module: { type: 'string', says: "path of a module that exports 'handler', relative to the document" },
  arn: { type: 'string', check: arnProblem, says: 'a Lambda function; exactly one of module and arn' },
  timeoutMs: { type: 'integer', min: 1, max: MAX_TIMEOUT_MS, default: 30_000, says: 'for one call' },
};

export const logOptions: OptionTable = {};
