// The log of a cloud host: a JSON object a line with fixed keys. Names and codes only, never a payload, a secret or a
// header that the source did not allow.

import type { Report } from '../../router/consume.ts';
import type { RouterDocument } from '../../router/document.ts';
import type { RouterError } from '../../router/errors.ts';
import type { IntakeReport } from '../webhook.ts';
import type { Intake } from './read-document.ts';

export interface Log {
  started(document: Intake): void;
  intake(report: IntakeReport): void;
  delivery(report: Report): void;
  /** A push that was not answered by 2xx. */
  pushRefused(error: RouterError): void;
  /** A failure record went back to its rule's queue. */
  redriven(id: string, rule: string | null): void;
  warning(text: string): void;
  /** A broken promise of our own. */
  fault(error: unknown): void;
}

type Level = 'info' | 'warn' | 'error';

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** `document`: what is in force; without it deliveries go without hashes. */
export function createLog(
  print: (line: string) => void,
  now: () => number,
  document?: Pick<RouterDocument, 'hash' | 'rules'>,
): Log {
  const ruleHashes = new Map(document?.rules.map(({ name, hash }) => [name, hash]));
  const line = (level: Level, msg: string, facts: Readonly<Record<string, unknown>> = {}): void =>
    print(JSON.stringify({ at: new Date(now()).toISOString(), level, msg, ...facts }));

  return {
    started: ({ bus, hash, sources, rules }) =>
      line('info', 'started', { bus: bus.kind, hash, sources: sources.length, rules: rules.length }),
    intake({ source, status, code, reason, accepted, dropped, tookMs }) {
      const facts = { source, status, tookMs };
      if (code !== undefined) line(status >= 500 ? 'error' : 'warn', 'refused', { ...facts, code, reason });
      for (const one of accepted) {
        if (one.ok)
          line('info', 'accepted', { eventId: one.event.attributes.id, ...facts, ...(one.seen && { seen: true }) });
      }
      if (dropped > 0) line('info', 'dropped', { ...facts, dropped });
    },
    delivery({ event, rule, attempt, tookMs, result }) {
      const versions = { ruleHash: ruleHashes.get(rule), documentHash: document?.hash };
      const facts = { eventId: event.attributes.id, rule, ...versions, attempt, tookMs };
      if (result.kind === 'delivered') line('info', 'delivered', facts);
      else {
        const { code, reason } = result;
        line(result.kind === 'retry' ? 'warn' : 'error', result.kind, { ...facts, code, reason });
      }
    },
    pushRefused: ({ code, message }) => line('warn', 'push refused', { code, reason: message }),
    redriven: (failure, rule) => line('info', 'redriven', { failure, rule }),
    warning: (text) => line('warn', text),
    fault: (error) => line('error', 'a request broke', { error: error instanceof Error ? error.stack : String(error) }),
  };
}
