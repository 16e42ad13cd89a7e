// The Google Cloud host behind the real functions-framework: its body parsers, its Express, its own refusals.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { buses } from '../../../adapters/registry.ts';
import { type GcpFunction, gcpFunction, push, webhook } from '../../../functions/hosts/gcp.ts';
import type { HttpFunction } from '../../../functions/middleware.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { targets } from '../../../functions/targets/registry.ts';
import type { TimeLeft } from '../../../functions/within-time.ts';
import { checkDocument } from '../../../router/document.ts';
import { codeOf, testHost } from '../../contract/host.ts';
import { type HostUnderTest, signed } from '../../contract/host-scene.ts';
import { serveFramework } from './mount.ts';

testHost({
  name: 'gcp',
  open: (wrapped, maxBody) => serveFramework(gcpFunction(async () => ({ wrapped, maxBody }))),
  skip: [{ test: 'a path with half an escape is 404, too', reason: 'Express answers 400 by itself' }],
});

const body = Buffer.from('{"ref":"x"}');

async function opened(t: TestContext, handler: GcpFunction): Promise<HostUnderTest> {
  const host = await serveFramework(handler);
  t.after(host.close);
  return host;
}

/** What the function prints meanwhile. */
function printed(t: TestContext): readonly string[] {
  const lines: string[] = [];
  t.mock.method(process.stdout, 'write', (line: string) => lines.push(line) > 0);
  return lines;
}

test('gcp: the functions answer 500 without a word on the settings they lack, and log it', async (t) => {
  const lines = printed(t);
  const kinds = { buses, sources, targets };
  const document = checkDocument(
    { bus: { use: 'pubsub', project: 'a-project' }, sources: { github: { use: 'github' } } },
    kinds,
  );
  const handlers = [
    [await webhook({ ...kinds, document }), /set BUSWAY_SECRET_GITHUB/],
    [await push(kinds), /BUSWAY_RULES is not set/],
  ] as const;
  for (const [handler, needs] of handlers) {
    const host = await opened(t, handler);

    const answer = await host.send(signed(body));

    assert.deepEqual([answer.status, codeOf(answer)], [500, 'INTERNAL']);
    assert.doesNotMatch(answer.body, /BUSWAY/);
    assert.match(lines.join(''), needs);
  }
});

test("gcp: the time that is left is the service's own, a minute where it does not say", async (t) => {
  const left: number[] = [];
  const keep: HttpFunction = async (_request, context) => {
    left.push((context as TimeLeft).getRemainingTimeInMillis!());
    return { status: 200, headers: {}, body: '' };
  };
  const open = async () => ({ wrapped: keep, maxBody: 100 });
  const silent = await opened(
    t,
    gcpFunction(open, () => undefined),
  );
  const telling = await opened(
    t,
    gcpFunction(open, () => '300'),
  );

  await silent.send(signed(body));
  await telling.send(signed(body));

  const [unsaid = 0, said = 0] = left;
  assert.ok(unsaid > 55_000 && unsaid <= 60_000, `${unsaid}`);
  assert.ok(said > 295_000 && said <= 300_000, `${said}`);
});
