// Which event subscriptions of a namespace topic exist, asked without the right to manage the namespace and without taking an
// event: the lock of nothing is renewed, which only an existing subscription can refuse. For the command line.

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { AdapterParts } from '../adapter.ts';
import { openAccess } from './access.ts';
import { endpointOf, namespaceUrl } from './adapter.ts';
import { openHttp } from './http.ts';
import { toEventGridOptions } from './options.ts';

// Never given out: the service's own are base64.
const BODY = Buffer.from('{"lockTokens":["busway.asks.whether.this.is.there"]}');

/**
 * Those of `names` that are there. Rejects with UNSUPPORTED for a custom topic, and with what keeps it from an answer:
 * UNAUTHORIZED, BUS_UNAVAILABLE, THROTTLED. A topic that is missing has none.
 */
export async function existingSubscriptions(
  { options: given, names }: { readonly options: Options; readonly names: readonly string[] },
  parts: AdapterParts,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const options = toEventGridOptions(given);
  const { topic } = options;
  if (topic === undefined) {
    throw new RouterError('UNSUPPORTED', 'eventgrid: which subscriptions a custom topic has can only be seen in Azure');
  }
  const endpoint = endpointOf(options, parts);
  const http = openHttp(endpoint, openAccess(options, parts), parts.now);

  const exists = async (name: string): Promise<boolean> => {
    const url = namespaceUrl(endpoint, topic, `/eventsubscriptions/${name}:renewLock`);
    const what = `subscription '${name}'`;
    try {
      await http.post({ url, contentType: 'application/json', body: BODY, what, signal });
      return true;
    } catch (thrown) {
      if (!(thrown instanceof RouterError)) throw thrown;
      if (thrown.code === 'NOT_FOUND') return false;
      if (thrown.code === 'NOT_CARRIABLE') return true; // there, and the token is refused
      throw thrown;
    }
  };

  try {
    const found = await Promise.all(names.map(async (name) => ((await exists(name)) ? [name] : [])));
    return new Set(found.flat());
  } finally {
    http.close();
  }
}
