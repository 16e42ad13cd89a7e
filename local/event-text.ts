// How the commands write events and failure records as JSON lines. Data is spliced in as it is, never re-serialised.

import type { CloudEvent } from '../router/event.ts';
import type { FailureRecord } from '../router/failure.ts';
import { encodeStructured } from '../router/wire/json.ts';

export function eventLine(event: CloudEvent): string {
  // Raw data may hold line breaks between its tokens; a JSON text never needs them, and inside strings they are escaped.
  return encodeStructured(event)
    .toString('utf8')
    .replaceAll(/[\r\n]+/g, ' ');
}

export function failureLine(record: FailureRecord): string {
  const { event, bytes, ...rest } = record;
  const head = JSON.stringify(rest).slice(0, -1);
  const tail = bytes === undefined ? '' : `,"bytes":"${bytes.toString('base64')}"`;
  return `${head},"event":${event === null ? 'null' : eventLine(event)}${tail}}`;
}
