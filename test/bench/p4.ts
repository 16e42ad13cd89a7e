// P4: what normalising costs on top of JSON.parse, which no router can do without. Body bytes in, CloudEvents JSON bytes
// out, by the code that intake runs: source, check of the envelope, structured encoding.

import { open as openGithub } from '../../functions/sources/github.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import type { Sample, Window } from './measure.ts';
import { deliveryId, headersOf, longBody, pushBodies } from './payload.ts';

const TARGET = 0.8;
const ROUNDS = 9;
const SLICE_MS = 5;
// There is nothing to wait for, so the windows are as short as clocks allow, and many.
const WINDOW_MS = 25;
const TURNS = 12;
const WARM_UP_MS = 300;

const github = openGithub({}, { name: 'github' });
// Kept, so that no result can be thought away.
let kept = 0;

function requestOf(body: Buffer, n: number): RawRequest {
  const headers = { ...headersOf(body), 'x-github-delivery': deliveryId('p4', n) };
  return { method: 'POST', path: '/webhooks/github', query: '', headers, body };
}

function normalize(request: RawRequest): CloudEvent {
  const [first] = github.normalize(request);
  if (first?.kind !== 'event') throw new Error('p4: the push did not become an event');
  return checkEvent(first.event);
}

function ours(request: RawRequest): number {
  return encodeStructured(normalize(request)).length;
}

function parse({ body }: RawRequest): number {
  return (JSON.parse(body.toString('utf8')) as { ref: string }).ref.length;
}

function copy({ body }: RawRequest): number {
  return Buffer.from(body).length;
}

/** Runs `step` over the requests for `ms` of wall time. */
function windowOf(step: (request: RawRequest) => number, requests: readonly RawRequest[], ms: number): Window {
  return async (): Promise<Sample> => {
    const before = process.cpuUsage();
    const end = performance.now() + ms;
    let events = 0;
    while (performance.now() < end) {
      const until = Math.min(end, performance.now() + SLICE_MS);
      while (performance.now() < until) {
        for (const request of requests) kept += step(request);
        events += requests.length;
      }
      // The garbage collector's helpers and the event loop get their turn inside the window, for both alike.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { user, system } = process.cpuUsage(before);
    return { events, cpuUs: user + system };
  };
}

/** Lossless: the data of each event is the body, byte for byte, also after a trip over the wire form. */
function checkOutput(requests: readonly RawRequest[]): void {
  for (const request of requests) {
    const event = normalize(request);
    const again = decodeStructured(encodeStructured(event));
    gate(event.data?.bytes.equals(request.body) === true, 'the data of an event is not the body');
    gate(again.data?.bytes.equals(request.body) === true, 'the data of an encoded event is not the body');
    gate(event.attributes.id === request.headers['x-github-delivery'], 'an event has another id than its delivery');
    gate(event.attributes.type === 'com.github.push', `an event has the type ${event.attributes.type}`);
  }
}

async function costUs(window: Window): Promise<number> {
  const { cpuUs, events } = await window();
  return cpuUs / events;
}

async function measure(context: BenchContext, row: string, requests: readonly RawRequest[], target: number | null) {
  checkOutput(requests);
  await windowOf(ours, requests, WARM_UP_MS)();
  await windowOf(parse, requests, WARM_UP_MS)();
  const plan: RowPlan = { row, target, sense: 'rate' };
  const contestants = { ours: windowOf(ours, requests, WINDOW_MS), theirs: windowOf(parse, requests, WINDOW_MS) };
  const turns = context.quick ? 1 : TURNS;
  const result = await settled(context, plan, { ...contestants, rounds: ROUNDS, turns });
  const floorUs = await costUs(windowOf(copy, requests, WARM_UP_MS));
  const { oursUs, theirsUs } = result.result;
  gate(Math.min(oursUs, theirsUs) > floorUs, `cheaper than copying the body (${floorUs.toFixed(2)} us)`);
  return { row: rowOf(plan, result, 'JSON.parse alone'), oursUs };
}

async function* rows(context: BenchContext): AsyncIterable<Row> {
  const bodies = pushBodies();
  const bytes = bodies[0]!.length;
  const name = `push, ${bytes} bytes`;
  let smallUs = 0;
  yield attempt(name, context.signal, async () => {
    const measured = await measure(context, name, bodies.map(requestOf), TARGET);
    smallUs = measured.oursUs;
    return measured.row;
  });
  const long = longBody(2);
  const longName = `push, ${long.length} bytes`;
  yield attempt(longName, context.signal, async () => {
    const measured = await measure(context, longName, [requestOf(long, 0)], null);
    gate(measured.oursUs > smallUs, 'a longer body costs less than a short one');
    return measured.row;
  });
  gate(kept > 0, 'nothing was computed');
}

export const p4: Bench = {
  name: 'p4',
  title: 'P4 normalise',
  says: 'A GitHub push, body bytes to CloudEvents JSON bytes, against JSON.parse of the body alone; in one process.',
  rows,
};
