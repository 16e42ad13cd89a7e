// Target kind `slack`: one line of text per event to an incoming webhook.
// The webhook's url is itself the secret: it comes from a variable and never stands in a message, a label or a verdict.
// Source: Slack, "Sending messages using incoming webhooks" and "Formatting text", escaping of & < > (from memory).

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { type ClientExtras, openClient } from './client.ts';
import type { Target, TargetParts } from './target.ts';
import { parseTemplate, render } from './template.ts';
import { isLoopbackHost, policyFor, urlProblem } from './url.ts';
import { verdictOf } from './verdict.ts';

const HEADERS = ['content-type', 'application/json; charset=utf-8'];
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Slack reads <...> as links and mentions: what comes from an event must not ping a channel. */
function escapeText(value: string): string {
  return value.replace(/[&<>]/g, (char) => ENTITIES[char]!);
}

function webhookUrl(variable: string, parts: TargetParts): URL {
  const says = `rule '${parts.rule}': slack posts to the url in ${variable}`;
  const text = parts.env(variable)?.trim();
  if (text === undefined || text === '') {
    throw new RouterError('SECRET_MISSING', `${says}, which is not set; set it to the incoming webhook's url`, {
      variable,
    });
  }
  const url = urlProblem(text) === undefined ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || (url !== undefined && parts.local && isLoopbackHost(url))) return url;
  throw new RouterError(
    'SECRET_INVALID',
    `${says}, which is not a url such as 'https://hooks.slack.com/services/...'; it must be https`,
    { variable },
  );
}

/** Throws CONFIG_INVALID, SECRET_MISSING, SECRET_INVALID or TARGET_ADDRESS_FORBIDDEN. */
export async function open(options: Options, parts: TargetParts, extras: ClientExtras = {}): Promise<Target> {
  const template = parseTemplate(options['text'] as string);
  const url = webhookUrl(options['webhook'] as string, parts);
  const policy = policyFor(url, undefined, parts.local);
  const client = openClient({ url, policy, timeoutMs: 10_000, owner: `rule '${parts.rule}'` }, extras);

  return {
    label: 'slack',
    async deliver({ event }, signal) {
      const body = Buffer.from(JSON.stringify({ text: render(template, event, escapeText) }));
      return verdictOf(await client.post(body, HEADERS, signal), 'slack', parts.now);
    },
    async close() {
      client.close();
    },
  };
}
