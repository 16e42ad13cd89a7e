// What PutEvents makes of one entry, and what a target is sent for it. As strict as the documentation; where it is silent,
// as strict as is likely. Sources: EventBridge API reference, PutEvents, PutEventsRequestEntry and PutEventsResultEntry; User
// Guide, "Calculating PutEvents event entry size", "Event structure" (read 2026-11-21).

import type { Loose } from './aws-json.ts';
import { numbersIn, readJson } from './eventbridge-json.ts';

/** An entry of a request, its three required members there. */
export interface Entry {
  readonly source: string;
  readonly detailType: string;
  readonly detail: string;
  readonly bus: string;
  readonly resources: readonly string[];
  /** Seconds. */
  readonly time: number | undefined;
}

export interface EntryProblem {
  readonly code: string;
  readonly message: string;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export function isComplete(entry: Loose): boolean {
  return ['Source', 'DetailType', 'Detail'].every((name) => textOf(entry[name]) !== '');
}

export function readEntry(entry: Loose): Entry {
  const { Time: time, Resources: resources } = entry as { Time?: unknown; Resources?: unknown };
  return {
    source: textOf(entry['Source']),
    detailType: textOf(entry['DetailType']),
    detail: textOf(entry['Detail']),
    bus: textOf(entry['EventBusName']) || 'default',
    resources: Array.isArray(resources) ? resources.map(String) : [],
    time: typeof time === 'number' ? time : undefined,
  };
}

/** 14 bytes of time, and the UTF-8 bytes of source, detail type, detail and each resource. */
export function entryBytes({ source, detailType, detail, resources, time }: Entry): number {
  const texts = [source, detailType, detail, ...resources];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), time === undefined ? 0 : 14);
}

const fitsInt64 = (text: string): boolean => !/^-?\d+$/.test(text) || BigInt.asIntN(64, BigInt(text)) === BigInt(text);

export function entryProblem(raw: Loose): EntryProblem | undefined {
  const entry = readEntry(raw);
  const invalid = (message: string): EntryProblem => ({ code: 'InvalidArgument', message });
  if (!isComplete(raw)) return invalid('Parameter is not valid. Reason: a required member is missing');
  if (raw['Time'] !== undefined && !(entry.time !== undefined && entry.time >= 0)) return invalid('Time is not valid');
  if (entry.detailType.length > 128) return invalid('DetailType must be at most 128 characters');
  if (entry.source.startsWith('aws.')) {
    return { code: 'NotAuthorizedForSourceException', message: `Not authorized for the source ${entry.source}` };
  }
  const detail = readJson(entry.detail);
  if (detail?.kind !== 'object' || ![...numbersIn(detail)].every(fitsInt64)) {
    return { code: 'MalformedDetail', message: 'Detail is malformed.' };
  }
  return undefined;
}

export interface Envelope {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  /** Milliseconds; for entries that name no time. */
  readonly now: number;
}

/** What rules look at and targets get. Detail stands in it as it was sent. */
export function envelopeText(entry: Entry, { id, account, region, now }: Envelope): string {
  const at = new Date(entry.time === undefined ? now : entry.time * 1_000);
  const head = {
    version: '0',
    id,
    'detail-type': entry.detailType,
    source: entry.source,
    account,
    time: `${at.toISOString().slice(0, 19)}Z`,
    region,
    resources: entry.resources,
  };
  return `${JSON.stringify(head).slice(0, -1)},"detail":${entry.detail}}`;
}
