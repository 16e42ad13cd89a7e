// P9: what a cloud adapter costs beside the service's own SDK. Both publish the same events in calls of one size, one call
// under way, each to a stub of its own that answers success; a request of either that holds other events voids the row.

import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import type { Cloud, CloudStub } from './cloud-stub.ts';
import { sameEvents } from './intake.ts';
import { pushBodies, smallBody } from './payload.ts';
import { type Publisher, publisherOf, wallText } from './publishing.ts';
import { startServer } from './servers/child.ts';
import type { CloudName, CloudPublisherOptions } from './servers/cloud-contestants.ts';

const TARGET = 0.95;
const ROUNDS = 5;

interface Peer {
  readonly by: CloudPublisherOptions['by'];
  /** What it speaks. */
  readonly stub: Cloud;
  readonly name: string;
  readonly target: number | null;
}

interface Bus {
  readonly cloud: CloudName;
  readonly title: string;
  readonly perCall: number;
  readonly peers: readonly Peer[];
}

const buses: readonly Bus[] = [
  {
    cloud: 'eventbridge',
    title: 'EventBridge',
    perCall: 10,
    peers: [{ by: 'sdk', stub: 'eventbridge', name: '@aws-sdk/client-eventbridge', target: TARGET }],
  },
  {
    cloud: 'pubsub',
    title: 'Pub/Sub',
    perCall: 100,
    peers: [
      { by: 'sdk', stub: 'pubsub-grpc', name: "@google-cloud/pubsub's publisher (gRPC)", target: TARGET },
      { by: 'rest', stub: 'pubsub', name: "@google-cloud/pubsub's REST fallback", target: null },
    ],
  },
  {
    cloud: 'eventgrid',
    title: 'Event Grid',
    perCall: 100,
    peers: [{ by: 'sdk', stub: 'eventgrid', name: '@azure/eventgrid', target: TARGET }],
  },
];

interface Load extends RowPlan {
  readonly bus: Bus;
  readonly peer: Peer;
  readonly body: Buffer;
}

function loads(): readonly Load[] {
  const [push] = pushBodies();
  const small = smallBody();
  const bodies = [
    { what: `push of ${push!.length} bytes`, body: push! },
    { what: `${small.length} bytes`, body: small },
  ];
  return buses.flatMap((bus) =>
    bus.peers.flatMap((peer) =>
      bodies.map(({ what, body }): Load => {
        const row = `${bus.title}, ${bus.perCall} a call, ${what}, against ${peer.name}`;
        return { row, bus, peer, body, target: peer.target, sense: 'rate' };
      }),
    ),
  );
}

interface Contestant extends Publisher {
  readonly stub: CloudStub;
}

async function startContestant(context: BenchContext, { bus, peer, body }: Load, ours: boolean): Promise<Contestant> {
  const { signal, profile } = context;
  const { cloud, perCall } = bus;
  // Loaded here: it takes an SDK along, and other benches need none.
  const { startCloudStub } = await import('./cloud-stub.ts');
  const stub = await startCloudStub(ours ? cloud : peer.stub, perCall);
  const by = ours ? 'adapter' : peer.by;
  const options: CloudPublisherOptions = { cloud, by, port: stub.port, perCall, body: body.toString('base64') };
  try {
    const server = await startServer('cloud-publisher', { options, signal, profile: ours ? profile : undefined });
    return { ...publisherOf(context, server), stub };
  } catch (thrown) {
    await stub.close();
    throw thrown;
  }
}

async function measure(context: BenchContext, load: Load): Promise<Row> {
  const contestants: Contestant[] = [];
  try {
    for (const isOurs of [true, false]) contestants.push(await startContestant(context, load, isOurs));
    const [ours, theirs] = contestants as [Contestant, Contestant];
    await ours.window();
    await theirs.window();
    const result = await settled(context, load, { ours: ours.window, theirs: theirs.window, rounds: ROUNDS });
    for (const { published, stub } of contestants) {
      const taken = stub.calls() * load.bus.perCall;
      gate(taken === published(), `${published()} events were acknowledged, the stub took calls for ${taken}`);
    }
    sameEvents(ours.stub.sample(), theirs.stub.sample());
    const row = rowOf(load, result, 'the SDK');
    return { ...row, says: `${row.says}; ${wallText(ours, theirs)}` };
  } finally {
    await Promise.all(contestants.map(({ server }) => server.stop()));
    await Promise.all(contestants.map(({ stub }) => stub.close()));
  }
}

export const p9: Bench = {
  name: 'p9',
  title: 'P9 publish to the clouds',
  says:
    "An adapter's publish against the service's own SDK used bare, one call under way, to a stub on the same machine that " +
    'answers success: @aws-sdk/client-eventbridge 3.1169.0, @google-cloud/pubsub 6.3.0 (its publisher over gRPC, a batch a ' +
    'call; and its generated client over REST, which is what our adapter speaks) and @azure/eventgrid 5.12.0 (which gets ' +
    'data that is parsed already, where ours gets bytes). Both send the same events, the SDKs as a careful user would: the ' +
    'structured event spliced by hand.',
  async *rows(context) {
    for (const load of loads()) yield attempt(load.row, context.signal, () => measure(context, load));
  },
};
