// The log of a cloud host: a JSON object a line with fixed keys. Names and codes only, never a payload, a secret or a
// header that the source did not allow.

import type { Report } from '../../router/consume.ts';
import type { RouterDocument } from '../../router/document.ts';
import type { IntakeReport } from '../webhook.ts';

export interface Log {
  started(document: RouterDocument): void;
  intake(report: IntakeReport): void;
  delivery(report: Report): void;
  warning(text: string): void;
  /** A broken promise of our own. */
  fault(error: unknown): void;
}

type Level = 'info' | 'warn' | 'error';

export function createLog(print: (line: string) => void, now: () => number): Log {
  const line = (level: Level, msg: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    print(JSON.stringify({ at: new Date(now()).toISOString(), level, msg, ...facts }));

  return {
    started: ({ bus, hash, sources, rules }) =>
      line('info', 'started', { bus: bus.kind, hash, sources: sources.length, rules: rules.length }),
    intake({ source, status, code, reason, accepted, dropped, tookMs }) {
      const facts = { source, status, tookMs };
      if (code !== undefined) line(status >= 500 ? 'error' : 'warn', 'refused', { ...facts, code, reason });
      for (const { event, ok } of accepted) {
        if (ok) line('info', 'accepted', { eventId: event.attributes.id, ...facts });
      }
      if (dropped > 0) line('info', 'dropped', { ...facts, dropped });
    },
    delivery({ event, rule, attempt, tookMs, result }) {
      const facts = { eventId: event.attributes.id, rule, attempt, tookMs };
      if (result.kind === 'delivered') line('info', 'delivered', facts);
      else {
        const { code, reason } = result;
        line(result.kind === 'retry' ? 'warn' : 'error', result.kind, { ...facts, code, reason });
      }
    },
    warning: (text) => line('warn', text),
    fault: (error) => line('error', 'a request broke', { error: error instanceof Error ? error.stack : String(error) }),
  };
}
