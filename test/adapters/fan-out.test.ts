// The fan-out against a store and a clock that the test holds in its hands.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ack, again, made, openScene, pass, settled } from './lane-scene.ts';
import { rowName } from './lane-store.ts';

/** A test under a clock that only pass() moves. */
function timed(name: string, run: () => Promise<void>): void {
  test(`fan-out: ${name}`, async () => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
    try {
      await run();
    } finally {
      mock.timers.reset();
    }
  });
}

timed('the position passes an event when all its rules are delivered or parked, and not before', async () => {
  const scene = openScene({ rules: ['a', 'b'], immediate: false });
  scene.lane.offer(1, made('x'));
  scene.lane.offer(2, made('y'));
  const [xa, xb, ya, yb] = scene.flying;
  ya!.end(ack);
  yb!.end(ack);
  xa!.end(ack);
  await settled();
  assert.deepEqual(scene.advanced, []);

  xb!.end(again(5_000));
  await settled();
  assert.deepEqual(scene.advanced, [], 'parked is not durable yet');
  scene.pending[0]!.answer('done');
  await settled();

  assert.deepEqual(scene.advanced, [3]);
  const row = scene.rows.get(rowName(1, 'b'));
  assert.deepEqual([row?.attempt, row?.dueAt, row?.behind], [2, 1_005_000, false]);
});

timed('an event that no rule takes is passed at once', async () => {
  const scene = openScene({ rules: [] });
  scene.lane.offer(7, made('x'));
  assert.deepEqual(scene.advanced, [8]);
});

timed('a delivery that takes longer than 1 s is parked while it goes on, and dropped when it ends', async () => {
  const scene = openScene();
  scene.lane.offer(1, made('x'));
  await pass(900);
  assert.deepEqual(scene.advanced, []);
  await pass(700);
  assert.deepEqual(scene.advanced, [2]);
  assert.equal(scene.rows.get(rowName(1, 'r'))?.dueAt, 1_001_600 + 60_000);

  await scene.end('x', ack);

  assert.equal(scene.rows.size, 0);
  assert.deepEqual(scene.advanced, [2]);
});

timed('a leased delivery that ends in a retry is parked with its own time', async () => {
  const scene = openScene();
  scene.lane.offer(1, made('x'));
  await pass(1_600);

  await scene.end('x', again(3_000));

  const row = scene.rows.get(rowName(1, 'r'));
  assert.deepEqual([row?.attempt, row?.dueAt], [2, 1_001_600 + 3_000]);
  assert.deepEqual(scene.advanced, [2]);
});

timed('a retry whose parking takes long is not leased on top, and closes its event once', async () => {
  const scene = openScene({ rules: ['a', 'b'], immediate: false });
  scene.lane.offer(1, made('x'));
  scene.flying[0]!.end(again(3_000));
  await settled();
  await pass(1_600);
  for (const write of [...scene.pending]) write.answer('done');
  await settled();

  // b has been leased, a was parked by its retry: attempt 2, not the lease's 1.
  assert.equal(scene.rows.get(rowName(1, 'a'))?.attempt, 2);
  assert.deepEqual(scene.advanced, [2]);
  scene.lane.offer(2, made('y'));
  for (const flight of [...scene.flying]) flight.end(ack);
  await settled();
  assert.deepEqual(scene.advanced, [2, 3]);
});

timed('a store that fails is asked again, the position waits, and nothing is delivered meanwhile', async () => {
  const scene = openScene({ immediate: false });
  scene.lane.offer(1, made('x'));
  scene.flying[0]!.end(again(0));
  await settled();
  for (let i = 0; i < 5; i++) {
    assert.equal(scene.pending.length, 1);
    scene.pending[0]!.answer('failed');
    await settled();
    assert.equal(scene.pending.length, 0);
    await pass(1_000);
  }
  assert.deepEqual(scene.advanced, []);

  scene.pending[0]!.answer('done');
  await settled();

  assert.deepEqual(scene.advanced, [2]);
  assert.deepEqual(scene.began, ['x']);
});

timed('a drop that fails is asked again instead of delivering again', async () => {
  const scene = openScene({ immediate: false });
  scene.lane.offer(1, made('x'));
  scene.flying[0]!.end(again(0));
  await settled();
  scene.pending[0]!.answer('done');
  await settled();
  await scene.redeliver(1);
  await scene.end('x', ack);
  scene.pending[0]!.answer('failed');
  await settled();
  await pass(1_000);

  assert.equal(scene.pending[0]?.what, 'drop');
  scene.pending[0]!.answer('done');
  await settled();
  assert.equal(scene.rows.size, 0);
  assert.deepEqual(scene.began, ['x', 'x']);
});

timed('a consumer that breaks its promise and rejects does not stop the position', async () => {
  const scene = openScene();
  scene.lane.offer(1, made('x'));
  scene.flying[0]!.break();
  await settled();
  assert.deepEqual(scene.advanced, [2]);

  await scene.redeliver(1);
  scene.flying[0]!.break();
  await settled();

  assert.equal(scene.rows.get(rowName(1, 'r'))?.attempt, 1);
});

timed('an ordered key is delivered one at a time, other keys and no key beside it', async () => {
  const scene = openScene({ ordered: true });
  for (const [i, key] of ['k', 'k', 'l', undefined, 'k'].entries()) scene.lane.offer(i, made(`e${i}`, key));

  assert.deepEqual(scene.began, ['e0', 'e2', 'e3']);
  await scene.end('e0', ack);
  await scene.end('e1', ack);
  assert.deepEqual(scene.began, ['e0', 'e2', 'e3', 'e1', 'e4']);
});

timed('what follows a parked key is parked behind it and freed in order', async () => {
  const scene = openScene({ ordered: true });
  for (let i = 0; i < 3; i++) scene.lane.offer(i, made(`e${i}`, 'k'));
  await scene.end('e0', again(5_000));
  scene.lane.offer(3, made('e3', 'k'));
  await settled();
  assert.deepEqual(scene.advanced, [1, 2, 3, 4].slice(-scene.advanced.length));
  assert.deepEqual(
    [...scene.rows.values()].map((row) => row.behind),
    [false, true, true, true],
  );

  for (let i = 0; i < 4; i++) {
    await scene.redeliver(i);
    await scene.end(`e${i}`, ack);
  }

  assert.deepEqual(scene.began, ['e0', 'e0', 'e1', 'e2', 'e3']);
  assert.equal(scene.rows.size, 0);
  scene.lane.offer(4, made('e4', 'k'));
  assert.equal(scene.began.at(-1), 'e4', 'the key is free again');
});

timed('one that is still being parked when its turn comes is freed once it is parked', async () => {
  const scene = openScene({ ordered: true, immediate: false });
  scene.lane.offer(0, made('e0', 'k'));
  scene.lane.offer(1, made('e1', 'k'));
  scene.flying[0]!.end(again(0));
  await settled();
  const [parkFirst, parkSecond] = [
    scene.pending.find((write) => write.position === 0),
    scene.pending.find((write) => write.position === 1),
  ];
  parkFirst!.answer('done');
  await settled();
  await scene.redeliver(0);
  await scene.end('e0', ack);
  scene.pending.find((write) => write.what === 'drop')!.answer('done');
  await settled();
  assert.equal(scene.rows.size, 0);

  parkSecond!.answer('done');
  await settled();

  assert.equal(scene.rows.get(rowName(1, 'r'))?.behind, false);
  await scene.redeliver(1);
});

timed('a leased head keeps its key: what follows is parked and not delivered', async () => {
  const scene = openScene({ ordered: true });
  scene.lane.offer(0, made('e0', 'k'));
  scene.lane.offer(1, made('e1', 'k'));
  await pass(1_600);
  scene.lane.offer(2, made('e2', 'k'));
  await settled();
  assert.deepEqual(scene.began, ['e0']);
  assert.equal(scene.lane.blocked(scene.rows.get(rowName(1, 'r'))!), true);

  await scene.end('e0', ack);

  assert.deepEqual([...scene.rows.keys()], [rowName(1, 'r'), rowName(2, 'r')]);
  await scene.redeliver(1);
});

timed('a rule that gives up order while events wait in memory still gets them all', async () => {
  const scene = openScene({ ordered: true });
  for (let i = 0; i < 4; i++) scene.lane.offer(i, made(`e${i}`, 'k'));
  scene.ordered = false;

  for (let i = 0; i < 4; i++) await scene.end(`e${i}`, ack);

  assert.deepEqual(scene.advanced, [1, 2, 3, 4]);
});

timed('what was restored is not delivered a second time when the log offers it again', async () => {
  for (const ordered of [false, true]) {
    const scene = openScene({ ordered });
    const event = made('e5', 'k');
    scene.rows.set(rowName(5, 'r'), {
      position: 5,
      rule: 'r',
      event,
      attempt: 3,
      dueAt: Date.now() + 9_000,
      behind: false,
    });
    scene.lane.restore({ position: 5, rule: 'r', event });

    scene.lane.offer(4, made('e4', 'other'));
    scene.lane.offer(5, event);
    scene.lane.offer(6, made('e6', 'free'));
    await settled();

    assert.deepEqual(scene.began, ['e4', 'e6']);
    assert.equal(scene.rows.get(rowName(5, 'r'))?.attempt, 3, 'its time and its attempts stay');
    await scene.redeliver(5);
    await scene.end('e5', ack);
    assert.equal(scene.rows.size, 0);
  }
});

timed('a restored key blocks what comes later and what is parked behind it', async () => {
  const scene = openScene({ ordered: true });
  const owed = (position: number) => ({ position, rule: 'r', event: made(`e${position}`, 'k') });
  for (const position of [3, 1, 2]) scene.lane.restore(owed(position));

  assert.deepEqual(
    [1, 2, 3].map((position) => scene.lane.blocked(owed(position))),
    [false, true, true],
  );
  scene.lane.offer(9, made('e9', 'k'));
  await settled();
  assert.deepEqual(scene.began, []);
});

timed('a lane with 2000 open events is full and has room when one is passed', async () => {
  const scene = openScene();
  for (let i = 0; i < 2_000; i++) scene.lane.offer(i, made(`e${i}`));
  let room = false;
  void scene.lane.room().then(() => {
    room = true;
  });
  await settled();
  assert.deepEqual([scene.lane.full(), room], [true, false]);

  await scene.end('e0', ack);

  assert.deepEqual([scene.lane.full(), room], [false, true]);
});

timed('a refused record is passed when its refusal was recorded', async () => {
  const scene = openScene();
  let recorded = (): void => undefined;
  scene.lane.skip(
    1,
    new Promise((resolve) => {
      recorded = resolve;
    }),
  );
  scene.lane.offer(2, made('x'));
  await scene.end('x', ack);
  assert.deepEqual(scene.advanced, []);

  recorded();
  await settled();

  assert.deepEqual(scene.advanced, [3]);
});

timed('drain waits for what waits in memory behind a key, too', async () => {
  const scene = openScene({ ordered: true });
  let drained = false;
  scene.lane.offer(0, made('e0', 'k'));
  scene.lane.offer(1, made('e1', 'k'));
  void scene.lane.drain().then(() => {
    drained = true;
  });
  await scene.end('e0', ack);
  assert.equal(drained, false);

  await scene.end('e1', ack);

  assert.equal(drained, true);
});

timed('a lane that was given up starts nothing, parks nothing and frees nothing', async () => {
  const scene = openScene({ ordered: true });
  scene.lane.offer(0, made('e0', 'k'));
  scene.lane.offer(1, made('e1', 'k'));

  scene.control.abort();
  assert.equal(scene.flying[0]!.signal.aborted, true);
  await scene.end('e0', again(0));
  await pass(10_000);

  assert.deepEqual(scene.began, ['e0']);
  assert.deepEqual([scene.rows.size, scene.readied.length, scene.advanced.length], [0, 0, 0]);
});

timed('100000 events parked behind one key take no more than a moment', async () => {
  const scene = openScene({ ordered: true });
  const event = made('e', 'k');
  const begun = performance.now();
  for (let i = 0; i < 100_000; i++) scene.lane.restore({ position: i, rule: 'r', event });
  assert.ok(performance.now() - begun < 1_000);
});
