// Requests for the source suite and for tests of sources: as a host hands them over, and each slip of one byte.

import type { Normalized, Simulated } from '../../functions/sources/source.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';

/** As a host hands it over: lower-case names, null prototype. `headers` come on top; undefined takes one away. */
export function rawRequest(
  simulated: Simulated,
  headers: Readonly<Record<string, string | undefined>> = {},
): RawRequest {
  const all: Record<string, string> = Object.create(null);
  for (const [name, value] of [...Object.entries(simulated.headers), ...Object.entries(headers)]) {
    if (value === undefined) delete all[name.toLowerCase()];
    else all[name.toLowerCase()] = value;
  }
  return { method: 'POST', path: '/webhooks/test', query: '', headers: all, body: simulated.body };
}

export function withHeader(request: RawRequest, name: string, value: string | undefined): RawRequest {
  return rawRequest(request, { [name]: value });
}

export function eventsOf(normalized: readonly Normalized[]): readonly CloudEvent[] {
  return normalized.flatMap((one) => (one.kind === 'event' ? [one.event] : []));
}

/** Each value that differs from `text` in one character, and the same with one character more or less. */
export function* slips(text: string): Generator<string> {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    yield `${text.slice(0, i)}${String.fromCharCode(code === 0x7e ? 0x21 : code + 1)}${text.slice(i + 1)}`;
  }
  yield text.slice(0, -1);
  yield `${text}0`;
}

export function* bodySlips(body: Buffer): Generator<Buffer> {
  for (let i = 0; i < body.length; i++) {
    const changed = Buffer.from(body);
    changed[i]! ^= 1 << (i % 8);
    yield changed;
  }
  yield body.subarray(0, -1);
  yield Buffer.concat([body, Buffer.from('\n')]);
  yield Buffer.alloc(0);
}

export function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

export function textOf(event: CloudEvent): string {
  return event.data?.bytes.toString('latin1') ?? '';
}

/** JSON with what an error hides from JSON.stringify. */
export function shown(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, item: unknown) =>
    item instanceof Error ? { ...item, message: item.message, stack: item.stack, cause: item.cause } : item,
  );
}
