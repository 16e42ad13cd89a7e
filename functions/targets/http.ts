// Target kind `http`: one POST per event, the structured CloudEvent, signed by Standard Webhooks.
// Never follows a redirect, never reads a response body, never shows more of the url than its host.

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import { type ClientExtras, openClient } from './client.ts';
import { messageId, openSigningKey, sign } from './signing.ts';
import type { Target, TargetParts } from './target.ts';
import { policyFor, urlProblem } from './url.ts';
import { encodingFailed, verdictOf } from './verdict.ts';

/** Throws CONFIG_INVALID, SECRET_MISSING, SECRET_INVALID or TARGET_ADDRESS_FORBIDDEN. */
export async function open(options: Options, parts: TargetParts, extras: ClientExtras = {}): Promise<Target> {
  const text = options['url'] as string;
  const wrong = urlProblem(text);
  if (wrong !== undefined) throw new RouterError('CONFIG_INVALID', `rule '${parts.rule}': to.http.url ${wrong}`);
  const url = new URL(text);
  const label = `http ${url.host}`;
  const policy = policyFor(url, (options['allow'] as readonly string[] | undefined) ?? [], parts.local);
  const timeoutMs = (options['timeoutMs'] as number | undefined) ?? 10_000;
  const key = openSigningKey(options['secret'] as string | undefined, label, parts);
  const client = openClient({ url, policy, timeoutMs, owner: `rule '${parts.rule}'` }, extras);

  return {
    label,
    async deliver(delivery, signal) {
      let body: Buffer;
      try {
        body = encodeStructured(delivery.event);
      } catch (error) {
        return encodingFailed(error);
      }
      const id = messageId(delivery);
      const seconds = Math.floor(parts.now() / 1_000);
      const headers = [
        'content-type',
        'application/cloudevents+json; charset=utf-8',
        'webhook-id',
        id,
        'webhook-timestamp',
        `${seconds}`,
      ];
      if (key !== undefined) headers.push('webhook-signature', sign(key, id, { seconds, body }));
      return verdictOf(await client.post(body, headers, signal), label, parts.now);
    },
    async close() {
      client.close();
    },
  };
}
