// Publishing to EventBridge, through the real SDK and by our own signed requests: partial failures, calls refused as a whole, answers that do not fit, faults
// by seed. Lost means: told as published and not taken; a needless resend is an event that was sent again though it was taken.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { PublishResult } from '../../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { open as openSigned } from '../../../adapters/eventbridge/adapter-signed.ts';
import { type ErrorCode, RouterError } from '../../../router/errors.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { codeOf, idle, made } from '../../contract/adapter-harness.ts';
import type { Call } from '../../fakes/aws-json.ts';
import { type Fault, faultsBySeed } from '../../fakes/eventbridge.ts';
import { BUS, type Opened, openScene } from './scene.ts';

const busOptions = { ...busDefaults, deadlineMs: 30_000, now: Date.now };
const isPut = ({ operation }: Call): boolean => operation === 'PutEvents';

function idsIn({ input }: Pick<Call, 'input'>): string[] {
  const { Entries } = input as { Entries: readonly { readonly Detail: string }[] };
  return Entries.map(({ Detail }) => idOf(Detail));
}

const idOf = (detail: string): string => (JSON.parse(detail) as { id: string }).id;

const putsOf = ({ fake }: Opened): readonly Call[] => fake.calls.filter(isPut);

const client = new AsyncLocalStorage<typeof open>();

/** A test for each client: what a caller sees of the two must not differ. */
function byBoth(name: string, check: () => Promise<void>): void {
  test(name, () => client.run(open, check));
  test(`${name} (without the SDK)`, () => client.run(openSigned, check));
}

async function withScene(given: Parameters<typeof openScene>, check: (scene: Opened) => Promise<void>): Promise<void> {
  const [settings, options] = given;
  const scene = await openScene(settings, { ...options, by: client.getStore()! });
  try {
    await check(scene);
  } finally {
    await scene.close();
  }
}

/** The first `times` PutEvents go wrong. */
function atFirst(fault: Fault, times = 1): (call: Call) => Fault | undefined {
  return (call) => (isPut(call) && call.number < times ? fault : undefined);
}

const codes = (results: readonly PublishResult[]): string[] =>
  results.map((result) => (result.ok ? 'ok' : result.code));

byBoth(
  'eventbridge: of all 1,023 partial failures of ten entries nothing is lost and nothing is sent in vain',
  async () => {
    const seen = new Set<string>();
    /** An event's id says whether it fails when it comes first: 'SUBSET-INDEX'. */
    const fault = (call: Call): Fault | undefined => {
      if (!isPut(call)) return undefined;
      const failing = idsIn(call).flatMap((id, i) => {
        const [subset = 0, index = 0] = id.split('-').map(Number);
        const fails = !seen.has(id) && (subset & (1 << index)) !== 0;
        seen.add(id);
        return fails ? [[i, index % 2 === 0 ? 'InternalFailure' : 'ThrottlingException'] as const] : [];
      });
      return { kind: 'entries', codes: Object.fromEntries(failing) };
    };
    await withScene([{ fault }], async (scene) => {
      const subsets = Array.from({ length: 1_023 }, (_, i) => i + 1);
      const publish = async (subset: number): Promise<void> => {
        const events = Array.from({ length: 10 }, (_, index) => made(`${subset}-${index}`));
        const results = await createBus(scene.adapter, busOptions).publish(events);
        assert.ok(
          results.every(({ ok }) => ok),
          `${subset}: ${inspect(results)}`,
        );
      };
      for (let at = 0; at < subsets.length; at += 64) await Promise.all(subsets.slice(at, at + 64).map(publish));

      const taken = scene.fake.taken.map(idOf);
      const bits = subsets.reduce((sum, subset) => sum + subset.toString(2).replaceAll('0', '').length, 0);
      assert.equal(new Set(taken).size, 10_230, 'lost');
      assert.equal(taken.length, 10_230, 'taken twice');
      assert.equal(putsOf(scene).flatMap(idsIn).length, 10_230 + bits, 'sent in vain');
    });
  },
);

byBoth('eventbridge: an entry that is refused for good is not sent again, and the others are taken', async () => {
  const table: readonly (readonly [string, ErrorCode])[] = [
    ['AccessDeniedException', 'UNAUTHORIZED'],
    ['NotAuthorizedForSourceException', 'UNAUTHORIZED'],
    ['NotAuthorizedForDetailTypeException', 'UNAUTHORIZED'],
    ['InvalidAccountIdException', 'NOT_FOUND'],
    ['InvalidArgument', 'NOT_CARRIABLE'],
    ['MalformedDetail', 'NOT_CARRIABLE'],
    ['RedactionFailure', 'BUS_UNAVAILABLE'],
  ];
  for (const [errorCode, code] of table) {
    const fault = (call: Call): Fault | undefined =>
      isPut(call) ? { kind: 'entries', codes: { 1: errorCode } } : undefined;
    await withScene([{ fault }], async (scene) => {
      const results = await createBus(scene.adapter, busOptions).publish([made('a'), made('b'), made('c')]);

      assert.deepEqual(codes(results), ['ok', code, 'ok'], errorCode);
      const [, refused] = results;
      assert.ok(refused?.ok === false && !refused.retryable && refused.reason.includes(errorCode), inspect(refused));
      assert.equal(putsOf(scene).length, 1);
    });
  }
});

byBoth('eventbridge: an error code that nobody knows is retried', async () => {
  await withScene([{ fault: atFirst({ kind: 'entries', codes: { 0: 'SomethingNew' } }) }], async (scene) => {
    assert.deepEqual(await createBus(scene.adapter, busOptions).publish([made('a')]), [{ ok: true }]);
    assert.equal(putsOf(scene).length, 2);
  });
});

const answers: Readonly<Record<string, string>> = {
  'fewer results than events': '{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}',
  'more results than events': '{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"},{"EventId":"3"}]}',
  'no results': '{"FailedEntryCount":0}',
  'results that are no list': '{"FailedEntryCount":0,"Entries":{"0":{"EventId":"1"}}}',
  'an empty object': '{}',
  'a list': '[]',
  'no body': '',
  'no JSON': '<html>busy</html>',
  'a count of failures that nobody names': '{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"EventId":"2"}]}',
  'failures that nobody counts': '{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure"}]}',
  'a count that is no number': '{"FailedEntryCount":"many","Entries":[{"EventId":"1"},{"EventId":"2"}]}',
};

for (const [name, body] of Object.entries(answers)) {
  byBoth(`eventbridge: an answer with ${name} is BUS_UNAVAILABLE for all, and no crash`, async () => {
    await withScene(
      [{ fault: (call) => (isPut(call) ? { kind: 'answer', body } : undefined) }],
      async ({ adapter }) => {
        assert.equal(await codeOf(() => adapter.publish([made('a'), made('b')], idle)), 'BUS_UNAVAILABLE');
      },
    );
  });
}

byBoth('eventbridge: of entries that are no objects or name nothing each fails alone and is retried', async () => {
  const body = '{"FailedEntryCount":3,"Entries":[{"EventId":"1"},null,{},{"EventId":7}]}';
  await withScene([{ fault: (call) => (isPut(call) ? { kind: 'answer', body } : undefined) }], async ({ adapter }) => {
    const results = await adapter.publish([made('a'), made('b'), made('c'), made('d')], idle);

    assert.deepEqual(codes(results), ['ok', 'BUS_UNAVAILABLE', 'BUS_UNAVAILABLE', 'BUS_UNAVAILABLE']);
    assert.ok(results.every((result) => result.ok || result.retryable));
  });
});

byBoth('eventbridge: a throttled call is told with the time it asks for, else with a time of ours', async () => {
  const throttle = { kind: 'refuse', type: 'ThrottlingException' } as const;
  for (const [fault, ms] of [[{ ...throttle, retryAfter: '3' }, 3_000] as const, [throttle, 100] as const]) {
    await withScene([{ fault: atFirst(fault) }], async ({ adapter }) => {
      const [result] = await adapter.publish([made('a')], idle);

      assert.ok(result?.ok === false && result.code === 'THROTTLED' && result.retryable, inspect(result));
      assert.equal(result.retryAfterMs, ms);
    });
  }
});

const wholeCalls: readonly (readonly [string, Fault, ErrorCode])[] = [
  ['AccessDeniedException', { kind: 'refuse', type: 'AccessDeniedException' }, 'UNAUTHORIZED'],
  ['ExpiredTokenException', { kind: 'refuse', type: 'ExpiredTokenException' }, 'UNAUTHORIZED'],
  ['ResourceNotFoundException', { kind: 'refuse', type: 'ResourceNotFoundException' }, 'NOT_FOUND'],
  ['a 403 of a proxy', { kind: 'refuse', type: 'Forbidden', status: 403 }, 'UNAUTHORIZED'],
];
for (const [name, fault, code] of wholeCalls) {
  byBoth(`eventbridge: a call refused with ${name} is ${code} for each event, at once`, async () => {
    await withScene([{ fault: (call) => (isPut(call) ? fault : undefined) }], async (scene) => {
      const results = await createBus(scene.adapter, busOptions).publish([made('a'), made('b')]);

      assert.deepEqual(codes(results), [code, code]);
      assert.equal(putsOf(scene).length, 1);
    });
  });
}

const unknowns: readonly (readonly [string, Fault])[] = [
  ['an InternalException', { kind: 'refuse', type: 'InternalException', status: 500 }],
  ['a 503', { kind: 'refuse', type: 'Unavailable', status: 503 }],
  ['a connection that breaks before', { kind: 'reset', taken: false }],
  ['a connection that breaks after', { kind: 'reset', taken: true }],
];
for (const [name, fault] of unknowns) {
  byBoth(`eventbridge: after ${name} the outcome is unknown, the SDK does not try again and the bus does`, async () => {
    await withScene([{ fault: atFirst(fault) }], async (scene) => {
      assert.equal(await codeOf(() => scene.adapter.publish([made('a')], idle)), 'BUS_UNAVAILABLE');
      assert.equal(putsOf(scene).length, 1);

      assert.deepEqual(await createBus(scene.adapter, busOptions).publish([made('b')]), [{ ok: true }]);
    });
  });
}

byBoth(
  'eventbridge: where the service takes less than was said, calls are halved and one event fails alone',
  async () => {
    const large: CloudEvent = { ...made('large'), data: jsonData(Buffer.from(JSON.stringify('x'.repeat(4_000)))) };
    await withScene([{ maxBytes: 3_000 }], async (scene) => {
      const results = await scene.adapter.publish([made('a'), made('b'), large, made('c')], idle);

      assert.deepEqual(codes(results), ['ok', 'ok', 'EVENT_TOO_LARGE', 'ok']);
      const refused = results[2];
      assert.ok(refused?.ok === false && !refused.retryable && refused.reason.includes('maxBytes'), inspect(refused));
      assert.deepEqual(scene.fake.taken.map(idOf), ['a', 'b', 'c']);
    });
  },
);

byBoth('eventbridge: maxBytes bounds an event, and a call with the events of it', async () => {
  const sized = (id: string): CloudEvent => ({
    ...made(id),
    data: jsonData(Buffer.from(JSON.stringify('x'.repeat(2_000)))),
  });
  await withScene([{ maxBytes: 8_192 }, { options: { maxBytes: 8_192 } }], async (scene) => {
    const results = await createBus(scene.adapter, busOptions).publish(['a', 'b', 'c', 'd', 'e'].map(sized));

    assert.deepEqual(codes(results), ['ok', 'ok', 'ok', 'ok', 'ok']);
    assert.ok(putsOf(scene).length >= 2, 'one call cannot hold them');
  });
});

byBoth(
  'eventbridge: a missing bus is refused before anything is sent, since the service would take it and drop it',
  async () => {
    await withScene([{ buses: [] }], async (scene) => {
      const [result] = await scene.adapter.publish([made('a')], idle);

      assert.ok(
        result?.ok === false && result.code === 'NOT_FOUND' && result.reason.includes(`'${BUS}'`),
        inspect(result),
      );
      assert.deepEqual(scene.fake.taken, []);
    });
  },
);

byBoth('eventbridge: the bus is looked up once in five minutes', async () => {
  let now = 1_000_000;
  await withScene([{}, { now: () => now }], async (scene) => {
    const lookUps = (): number => scene.fake.calls.filter(({ operation }) => operation === 'DescribeEventBus').length;
    await scene.adapter.publish([made('a')], idle);
    now += 299_000;
    await scene.adapter.publish([made('b')], idle);
    assert.equal(lookUps(), 1);
    now += 2_000;
    await scene.adapter.publish([made('c')], idle);
    assert.equal(lookUps(), 2);
  });
});

byBoth(
  'eventbridge: a bus that was there is not held up by a look that hangs, and is looked at again half a minute later',
  async () => {
    let [now, hangs] = [1_000_000, false];
    const isLook = ({ operation }: Call): boolean => operation === 'DescribeEventBus';
    const fault = (call: Call): Fault | undefined => (hangs && isLook(call) ? { kind: 'hang' } : undefined);
    await withScene([{ fault }, { now: () => now }], async ({ adapter, fake }) => {
      const lookUps = (): number => fake.calls.filter(isLook).length;
      await adapter.publish([made('a')], idle);
      [now, hangs] = [now + 301_000, true];
      assert.deepEqual(await adapter.publish([made('b')], AbortSignal.timeout(4_000)), [{ ok: true }]);
      assert.deepEqual(await adapter.publish([made('c')], AbortSignal.timeout(500)), [{ ok: true }]);
      assert.equal(lookUps(), 2, 'not at each call');
      [now, hangs] = [now + 31_000, false];
      await adapter.publish([made('d')], idle);
      assert.equal(lookUps(), 3);
    });
  },
);

byBoth(
  'eventbridge: who may publish but not look publishes, with one warning; the check says UNAUTHORIZED',
  async () => {
    await withScene([{ denied: ['DescribeEventBus'] }], async ({ adapter, warnings }) => {
      assert.deepEqual(await adapter.publish([made('a')], idle), [{ ok: true }]);
      assert.deepEqual(await adapter.publish([made('b')], idle), [{ ok: true }]);

      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /DescribeEventBus/);
      assert.equal(await codeOf(() => adapter.check(idle)), 'UNAUTHORIZED');
    });
  },
);

byBoth('eventbridge: a bus that was never seen is not trusted when it cannot be looked up', async () => {
  let fails = true;
  const fault = ({ operation }: Call): Fault | undefined =>
    fails && operation === 'DescribeEventBus' ? { kind: 'refuse', type: 'InternalException', status: 500 } : undefined;
  await withScene([{ fault }], async (scene) => {
    assert.equal(await codeOf(() => scene.adapter.publish([made('a')], idle)), 'BUS_UNAVAILABLE');
    assert.equal(putsOf(scene).length, 0);
    fails = false;
    assert.deepEqual(await scene.adapter.publish([made('a')], idle), [{ ok: true }]);
  });
});

byBoth(
  'eventbridge: a batch beyond the limits of a call is sent in several, and what one of them did is kept',
  async () => {
    const fault = (call: Call): Fault | undefined =>
      isPut(call) && call.number === 1 ? { kind: 'reset', taken: false } : undefined;
    await withScene([{ fault }], async (scene) => {
      const results = await scene.adapter.publish(
        Array.from({ length: 15 }, (_, i) => made(`e${i}`)),
        idle,
      );

      assert.deepEqual(codes(results), [...Array(10).fill('ok'), ...Array(5).fill('BUS_UNAVAILABLE')]);
      assert.equal(scene.fake.taken.length, 10);
    });
  },
);

const badKeys: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['an unknown key', { AWS_ACCESS_KEY_ID: 'AKIDOTHER' }],
  ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }],
  ['an old token', { AWS_SESSION_TOKEN: 'old' }],
  ['another region', { AWS_REGION: 'us-east-1' }],
];
for (const [name, env] of badKeys) {
  byBoth(`eventbridge: ${name} is UNAUTHORIZED at the check and at publish`, async () => {
    await withScene([{}, { env }], async ({ adapter }) => {
      assert.equal(await codeOf(() => adapter.check(idle)), 'UNAUTHORIZED');
      assert.deepEqual(codes(await adapter.publish([made('a')], idle)), ['UNAUTHORIZED']);
    });
  });
}

byBoth('eventbridge: under faults of every kind nothing that was told as published is missing', async () => {
  const seed = Date.now() % 1_000_003;
  await withScene([{ fault: faultsBySeed(seed, 30) }], async (scene) => {
    const bus = createBus(scene.adapter, busOptions);
    const events = Array.from({ length: 400 }, (_, i) => made(`e${i}`));

    const results = (await Promise.all(events.map((event) => bus.publishOne(event)))) as PublishResult[];

    const taken = new Set(scene.fake.taken.map(idOf));
    const lost = events.filter(({ attributes }, i) => results[i]?.ok === true && !taken.has(attributes.id));
    assert.deepEqual(lost, [], `seed ${seed}`);
    assert.ok(results.filter(({ ok }) => ok).length > 350, `seed ${seed}: ${inspect(codes(results))}`);
  });
});

byBoth('eventbridge: closing gives up what is under way with CLOSED', async () => {
  await withScene([{ fault: (call) => (isPut(call) ? { kind: 'hang' } : undefined) }], async ({ adapter, fake }) => {
    const publishing = codeOf(() => adapter.publish([made('a')], idle));
    while (!fake.calls.some(isPut)) await new Promise((resolve) => setTimeout(resolve, 5));
    await adapter.close();

    assert.equal(await publishing, 'CLOSED');
  });
});

byBoth('eventbridge: an error repeats no text of the service and hands on no request', async () => {
  const fault = (call: Call): Fault | undefined =>
    isPut(call) ? { kind: 'refuse', type: 'InternalException', status: 500 } : undefined;
  await withScene([{ fault }], async ({ adapter }) => {
    const error = await adapter.publish([made('a')], idle).catch((thrown: unknown) => thrown);

    assert.ok(error instanceof RouterError && error.cause === undefined);
    assert.ok(!error.message.includes('asked for'));
    assert.match(error.message, /^eventbridge: bus 'orders' .*\(InternalException, 500\)$/);
  });
});
