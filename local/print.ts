// One line per event that a person understands: what came, which rules took it, where it went, what failed.

import type { IntakeReport } from '../functions/webhook.ts';
import type { Report } from '../router/consume.ts';
import type { CloudEvent } from '../router/event.ts';

export interface Printer {
  intake(report: IntakeReport): void;
  matched(event: CloudEvent, rules: readonly string[]): void;
  delivery(report: Report): void;
}

export interface PrinterParts {
  readonly out: (line: string) => void;
  readonly now: () => number;
  readonly labelOf: (rule: string) => string;
  /** Whether deliveries are seen here; else an event's line is that it is on the bus. */
  readonly delivers: () => boolean;
}

interface Open {
  readonly event: CloudEvent;
  readonly waiting: Set<string>;
  readonly parts: string[];
}

const MAX_OPEN = 1_000;

function clock(now: number): string {
  return new Date(now).toISOString().slice(11, 23);
}

/** 'com.github.push 7f3a0c12' */
function nameOf({ attributes }: CloudEvent): string {
  const { id } = attributes;
  return `${attributes.type} ${id.length > 40 ? `${id.slice(0, 37)}...` : id}`;
}

function seconds(ms: number): string {
  return ms < 950 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function describe(report: Report, label: string): string {
  const { result, rule, attempt, tookMs } = report;
  const tries = attempt > 1 ? `, try ${attempt}` : '';
  if (result.kind === 'delivered') return `${rule}: delivered to ${label} (${tookMs} ms${tries})`;
  if (result.kind === 'retry')
    return `${rule}: ${label} failed (${result.reason}${tries}), again in ${seconds(result.afterMs)}`;
  return `${rule}: FAILED at ${label} after ${attempt} ${attempt === 1 ? 'try' : 'tries'} (${result.reason}), failure ${result.failure}`;
}

export function createPrinter({ out, now, labelOf, delivers }: PrinterParts): Printer {
  const open = new Map<string, Open>();
  const keyOf = ({ attributes }: CloudEvent) => `${attributes.source}\0${attributes.id}`;
  const line = (text: string): void => out(`${clock(now())} ${text}`);

  function flush(key: string, { event, parts }: Open): void {
    open.delete(key);
    line(`${nameOf(event)} → ${parts.join(' · ')}`);
  }

  return {
    intake({ source, status, code, reason, accepted, dropped, headers }) {
      const id = headers['x-github-delivery'] ?? headers['webhook-id'];
      const about = id === undefined ? source : `${source} ${id}`;
      if (code !== undefined) line(`${about} refused with ${status}: ${reason} (${code})`);
      for (const item of accepted) {
        if (!item.ok) continue;
        if (item.seen) line(`${nameOf(item.event)} from ${source} came again: already on the bus, not delivered twice`);
        else if (!delivers()) line(`${nameOf(item.event)} from ${source} is on the bus`);
      }
      if (dropped > 0) line(`${about}: ${dropped} dropped`);
    },
    matched(event, rules) {
      if (rules.length === 0) {
        line(`${nameOf(event)} → no rule took it`);
        return;
      }
      const key = keyOf(event);
      if (open.size >= MAX_OPEN) for (const [first, item] of open) return flush(first, item);
      open.set(key, { event, waiting: new Set(rules), parts: [] });
    },
    delivery(report) {
      const key = keyOf(report.event);
      const item = open.get(key);
      const text = describe(report, labelOf(report.rule));
      if (item === undefined || !item.waiting.delete(report.rule)) {
        line(`${nameOf(report.event)} → ${text}`);
        return;
      }
      item.parts.push(text);
      if (item.waiting.size === 0) flush(key, item);
    },
  };
}
