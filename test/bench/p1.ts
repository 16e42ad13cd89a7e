// P1: signed webhook to durable on the embedded bus to the answer, against the same written by hand: node:http, HMAC,
// JSON.parse, and a group commit to node:sqlite of the same row under the same unique index.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { type Contestant, contestantOf, type Seen, sameEvents } from './intake.ts';
import { commitCost, verifyAndParseUs } from './physical.ts';
import { type Server, startServer } from './servers/child.ts';

const TARGET = 0.9;
const ROUNDS = 5;
const CONNECTIONS = 128;
const ROW = 'push on the embedded bus';
// What the peer does not do: the same process also reads the log and looks for rules.
const READING_ROW = 'push on the embedded bus, the router reading it too';

/** What a bus file holds: how many events, and those of the sample. */
function readBus(dir: string): { readonly count: number; readonly sample: readonly Seen[] } {
  const db = new DatabaseSync(join(dir, 'events.db'), { readOnly: true });
  try {
    const { count } = db.prepare('select count(*) as count from events').get() as { count: number };
    const rows = db.prepare("select attributes, data from events where id like 'sample-%'").all();
    const sample = rows.map((row) => {
      const { id, source, type } = JSON.parse(row['attributes'] as string) as Record<string, string>;
      return { id: id!, source: source!, type: type!, data: Buffer.from(row['data'] as Uint8Array) };
    });
    return { count, sample };
  } finally {
    db.close();
  }
}

interface Part extends RowPlan {
  readonly parts: 'intake' | 'whole';
}

interface Sides {
  readonly servers: readonly [Server, Server];
  readonly dirs: readonly [string, string];
}

async function contend(context: BenchContext, part: Part, { servers, dirs }: Sides): Promise<Row> {
  const [ours, theirs] = servers.map((server) => contestantOf(context, server, { connections: CONNECTIONS })) as [
    Contestant,
    Contestant,
  ];
  for (const contestant of [ours, theirs]) {
    await contestant.sample();
    await contestant.warmUp();
  }
  const contest = { ours: ours.window, theirs: theirs.window, rounds: ROUNDS };
  const result = await settled(context, part, contest);
  for (const server of servers) await server.stop();

  const [mine, peer] = dirs.map(readBus);
  gate(mine!.count === ours.acked(), `acknowledged ${ours.acked()} events, our bus holds ${mine!.count}`);
  gate(peer!.count === theirs.acked(), `acknowledged ${theirs.acked()} events, the floor's file holds ${peer!.count}`);
  sameEvents(mine!.sample, peer!.sample);
  const least = verifyAndParseUs();
  const { oursUs, theirsUs } = result.result;
  gate(Math.min(oursUs, theirsUs) > least, `cheaper than verifying and parsing alone (${least.toFixed(1)} us)`);
  const { syncedMs, unsyncedMs } = commitCost(dirs[0]);
  const times = `${syncedMs.toFixed(2)} ms synced, ${unsyncedMs.toFixed(2)} ms unsynced`;
  gate(syncedMs >= unsyncedMs, `a synced commit costs less than an unsynced one (${times})`);
  context.log(`  a commit of 16 pushes on this disk: ${times}`);
  return rowOf(part, result, 'by hand');
}

async function measure(context: BenchContext, part: Part): Promise<Row> {
  const { signal, profile } = context;
  const { parts } = part;
  const dirs = [await context.tempDir('p1-ours'), await context.tempDir('p1-floor')] as const;
  const document = { bus: 'embedded', sources: { github: { use: 'github' } }, rules: [] };
  const options = { document, dataDir: dirs[0], parts };
  const servers: Server[] = [];
  try {
    servers.push(await startServer('router', { options, signal, profile }));
    servers.push(await startServer('floor-sqlite', { options: { dataDir: dirs[1] }, signal }));
    return await contend(context, part, { servers: [servers[0]!, servers[1]!], dirs });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export const p1: Bench = {
  name: 'p1',
  title: 'P1 intake, embedded bus',
  says:
    'A signed GitHub push, verified, normalised, durable (one synced commit) and answered, against the same by hand: ' +
    'node:http, HMAC with a KeyObject, JSON.parse, node:sqlite group commit of the same row and unique index. ' +
    '128 connections, closed loop.',
  async *rows(context) {
    const intake: Part = { parts: 'intake', row: ROW, target: TARGET, sense: 'rate' };
    yield attempt(ROW, context.signal, () => measure(context, intake));
    const whole: Part = { parts: 'whole', row: READING_ROW, target: null, sense: 'rate' };
    yield attempt(READING_ROW, context.signal, () => measure(context, whole));
  },
};
