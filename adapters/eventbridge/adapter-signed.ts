// The EventBridge bus as functions have it: the adapter of adapter.ts over our own signed requests in place of the SDK. The
// bundler takes this file, everything else the other; nothing but the client differs.

import type { Options } from '../../router/config.ts';
import type { Adapter, AdapterParts } from '../adapter.ts';
import { openWith } from './adapter.ts';
import type { EventBridgePattern } from './filter.ts';
import { openSignedClient } from './signed-client.ts';

/** Connects to nothing yet. Throws CONFIG_INVALID. */
export function open(given: Options, parts: AdapterParts): Promise<Adapter<EventBridgePattern>> {
  // By the machine's own clock: the service compares it with its own.
  return openWith((options) => openSignedClient(options, { ...parts, now: Date.now }), given, parts);
}
