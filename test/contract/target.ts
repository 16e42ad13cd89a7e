// The laws of a target (functions/targets/target.ts) as a suite that any implementation can be put through.
// A law that does not apply is named with its reason and shows up as skipped, never silently left out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target, TargetParts, Verdict } from '../../functions/targets/target.ts';
import { errorTable } from '../../router/errors.ts';
import { binaryData, type CloudEvent, jsonData, textData } from '../../router/event.ts';

/** What the other side does with a delivery. */
export type Behaviour = 'takes' | 'fails' | 'hangs';

export interface OpenTarget {
  readonly target: Target;
  /** Ids of the events the other side was given, in any order, repeats included. */
  readonly given: () => readonly string[];
  /** Closes the other side; the suite closes the target. */
  readonly close: () => Promise<void>;
}

export type TargetLaw =
  | 'takes'
  | 'shapes'
  | 'fails'
  | 'hangs'
  | 'aborted'
  | 'concurrent'
  | 'closed'
  | 'close under way'
  | 'broken event'
  | 'no canary';

export interface TargetHarness {
  readonly name: string;
  /** Variables; every value counts as a secret and must never be seen. */
  readonly env: Readonly<Record<string, string>>;
  /** Opens the target against an other side of its own. Timeouts must be longer than 5 s. */
  open(behaviour: Behaviour, parts: TargetParts): Promise<OpenTarget>;
  readonly skip?: readonly { readonly test: TargetLaw; readonly reason: string }[];
}

export function targetEvent(id: string, data: CloudEvent['data'] = jsonData(Buffer.from('{"n":1.10}'))): CloudEvent {
  const attributes = { specversion: '1.0', id, source: '/contract', type: 'com.example.made' } as const;
  return data === undefined ? { attributes } : { attributes, data };
}

/** Parts for a test; `warnings` and `printed` collect what the target says. */
export function targetParts(
  given: Partial<TargetParts> & { readonly variables?: Readonly<Record<string, string>> } = {},
): {
  readonly parts: TargetParts;
  readonly warnings: string[];
  readonly printed: string[];
} {
  const { variables = {}, ...rest } = given;
  const warnings: string[] = [];
  const printed: string[] = [];
  const parts: TargetParts = {
    rule: 'r1',
    baseDir: import.meta.dirname,
    local: true,
    env: (name) => variables[name],
    now: Date.now,
    onWarning: (text) => warnings.push(text),
    print: (line) => printed.push(line),
    ...rest,
  };
  return { parts, warnings, printed };
}

function checkVerdict(verdict: Verdict): void {
  if (verdict.kind === 'ack') return;
  assert.ok(verdict.kind === 'retry' || verdict.kind === 'dead');
  assert.ok(Object.hasOwn(errorTable, verdict.code), `unknown code ${verdict.code}`);
  assert.ok(verdict.reason.length > 0, 'a verdict says why');
}

/** Runs the laws as tests named `<name>: ...`. */
export function testTarget(harness: TargetHarness): void {
  const law = (id: TargetLaw, behaviour: Behaviour, says: string, check: Check): void => {
    const skip = harness.skip?.find((skipped) => skipped.test === id)?.reason ?? false;
    test(`${harness.name}: ${says}`, { skip }, () => withTarget(harness, behaviour, check));
  };

  law('takes', 'takes', 'a delivered event is acknowledged and was given once', takes);
  law('shapes', 'takes', 'absent, null, text and binary data and unicode are delivered', shapes);
  law('fails', 'fails', 'a failing other side ends in a verdict with a known code', fails);
  law('hangs', 'hangs', 'an abort ends a hanging delivery within 1 s', hangs);
  law('aborted', 'takes', 'a delivery that was aborted before it began is not made', aborted);
  law('concurrent', 'takes', '50 deliveries at once are each made once', concurrent);
  law('closed', 'takes', 'close twice is fine and a delivery after it is for later', closed);
  law('close under way', 'hangs', 'close ends what is under way within 1 s', closeUnderWay);
  law('broken event', 'takes', 'data that is not what it says never rejects', brokenEvent);
  law('no canary', 'fails', 'no secret is seen in a label, a verdict or a warning', noCanary);
}

interface Scene {
  readonly target: Target;
  readonly given: () => readonly string[];
  readonly warnings: readonly string[];
  readonly secrets: readonly string[];
  deliver(event: CloudEvent, signal?: AbortSignal): Promise<Verdict>;
}

type Check = (scene: Scene) => Promise<void>;

async function withTarget(harness: TargetHarness, behaviour: Behaviour, check: Check): Promise<void> {
  const { parts, warnings } = targetParts({ variables: harness.env });
  const { target, given, close } = await harness.open(behaviour, parts);
  const idle = new AbortController().signal;
  try {
    await check({
      target,
      given,
      warnings,
      secrets: Object.values(harness.env),
      deliver: (event, signal = idle) => target.deliver({ event, rule: 'r1', attempt: 1 }, signal),
    });
  } finally {
    await target.close();
    await close();
  }
}

const takes: Check = async ({ deliver, given }) => {
  assert.deepEqual(await deliver(targetEvent('one')), { kind: 'ack' });
  assert.deepEqual(given(), ['one']);
};

const shapes: Check = async ({ deliver, given }) => {
  const shaped = [
    { attributes: targetEvent('absent').attributes },
    targetEvent('null', jsonData(Buffer.from('null'))),
    targetEvent('text', textData('a "quoted" line\nand ünïcödé \u{1f680}')),
    targetEvent('binary', binaryData(Buffer.from([0, 255, 254, 10]))),
    targetEvent('ünïcödé', jsonData(Buffer.from('{\n  "a": "\u{1f680}"\r\n}'))),
  ];

  for (const event of shaped) assert.deepEqual(await deliver(event), { kind: 'ack' });

  assert.deepEqual(
    given(),
    shaped.map((event) => event.attributes.id),
  );
};

const fails: Check = async ({ deliver }) => {
  const verdict = await deliver(targetEvent('one'));

  assert.notEqual(verdict.kind, 'ack');
  checkVerdict(verdict);
};

async function endsWithin1s(verdict: Promise<Verdict>, code: string): Promise<void> {
  const begun = performance.now();
  const ended = await verdict;
  assert.ok(performance.now() - begun < 1_000, 'it took more than 1 s');
  assert.equal(ended.kind, 'retry');
  assert.equal((ended as { code: string }).code, code);
}

/** Resolves when the other side has been given an event, so that there is something under way. */
async function givenOne(given: Scene['given']): Promise<void> {
  while (given().length === 0) await new Promise((resolve) => setImmediate(resolve));
}

const hangs: Check = async ({ deliver, given }) => {
  const controller = new AbortController();
  const verdict = deliver(targetEvent('one'), controller.signal);
  await givenOne(given);

  controller.abort();

  await endsWithin1s(verdict, 'ABORTED');
};

const aborted: Check = async ({ deliver, given }) => {
  await endsWithin1s(deliver(targetEvent('one'), AbortSignal.abort()), 'ABORTED');
  assert.deepEqual(given(), []);
};

const concurrent: Check = async ({ deliver, given }) => {
  const ids = Array.from({ length: 50 }, (_, i) => `e${i}`);
  const verdicts = await Promise.all(ids.map((id) => deliver(targetEvent(id))));

  assert.ok(verdicts.every((verdict) => verdict.kind === 'ack'));
  assert.deepEqual([...given()].sort(), [...ids].sort());
};

const closed: Check = async ({ target, deliver, given }) => {
  await target.close();
  await target.close();

  await endsWithin1s(deliver(targetEvent('one')), 'CLOSED');
  assert.deepEqual(given(), []);
};

const closeUnderWay: Check = async ({ target, deliver, given }) => {
  const verdict = deliver(targetEvent('one'));
  await givenOne(given);

  await target.close();

  await endsWithin1s(verdict, 'CLOSED');
};

const brokenEvent: Check = async ({ deliver }) => {
  checkVerdict(await deliver(targetEvent('broken', jsonData(Buffer.from('{"a":')))));
  checkVerdict(await deliver(targetEvent('bytes', jsonData(Buffer.from([0x22, 0xff, 0x22])))));
};

const noCanary: Check = async ({ target, deliver, warnings, secrets }) => {
  const first = await deliver(targetEvent('one'));
  const stopped = await deliver(targetEvent('two'), AbortSignal.abort());
  await target.close();
  const late = await deliver(targetEvent('three'));

  const seen = JSON.stringify([target.label, first, stopped, late, warnings]);
  for (const secret of secrets) assert.ok(!seen.includes(secret), 'a secret is in what people read');
};
