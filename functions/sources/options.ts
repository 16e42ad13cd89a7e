// The option tables of the kinds of sources, apart from the registry so that a function's bundle can take one without the rest.
// Pure.

import type { OptionTable } from '../../router/config.ts';

// RFC 9110 token. Credentials never become part of an event.
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const credentials = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-github-encoded-secret', 'x-api-key']);

function checkHeader(text: string): string | undefined {
  return HEADER.test(text) ? undefined : 'must be the name of a header, such as X-Signature';
}

function checkPlace(text: string): string | undefined {
  if (text.startsWith('header:')) {
    const name = text.slice(7);
    if (credentials.has(name.toLowerCase())) return `must not be '${name}': credentials never enter an event`;
    return checkHeader(name) === undefined ? undefined : 'must name a header, such as X-Event-Id, without spaces';
  }
  if (text.startsWith('body:')) {
    const good = text
      .slice(5)
      .split('.')
      .every((part) => part !== '');
    return good ? undefined : "must hold a path after 'body:', such as body:data.id";
  }
  return "must begin with 'header:' or 'body:', such as header:X-Event-Id or body:data.id";
}

const placeLike = /^(?:header|body):/;
const signsForm = /^[^{}]*\{timestamp\}[^{}]*\{body\}$/;

export const hmacOptions: OptionTable = {
  header: { type: 'string', required: true, check: checkHeader, says: 'the header that holds the signature' },
  algorithm: { type: 'string', values: ['sha1', 'sha256', 'sha512'], default: 'sha256', says: 'the hash of the HMAC' },
  encoding: { type: 'string', values: ['hex', 'base64'], default: 'hex', says: 'how the signature is written' },
  prefix: {
    type: 'string',
    says: "what stands before the signature in its header, such as 'sha256='; none by default",
  },
  id: {
    type: 'string',
    check: checkPlace,
    says: 'where the event id is: header:NAME or body:PATH; by default a hash of the body, the same for a retry',
  },
  type: {
    type: 'string',
    check: (text) => (placeLike.test(text) ? checkPlace(text) : undefined),
    says: 'the event type: a literal, header:NAME or body:PATH; by default hmac.<name of the source>',
  },
  timestamp: {
    type: 'string',
    check: (text) => checkPlace(`header:${text}`),
    says: 'the header with a signed time, in seconds or RFC 3339; requests more than 300 s off are refused',
  },
  signs: {
    type: 'string',
    check: (text) => (signsForm.test(text) ? undefined : "must read like 'v0:{timestamp}:{body}'"),
    says: "with timestamp: the text that is signed; '{timestamp}.{body}' by default",
  },
};

export const githubOptions: OptionTable = {};

export const standardWebhooksOptions: OptionTable = {};

export const cloudeventsOptions: OptionTable = {
  open: { type: 'boolean', default: false, says: 'true takes events from anyone, without a token' },
};
