// Lines of a stream: whole whatever the chunks, and never more of a line kept than was asked for.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { linesOf } from '../../local/lines.ts';

async function read(chunks: readonly string[], maxBytes?: number): Promise<(readonly [number, string])[]> {
  const lines: (readonly [number, string])[] = [];
  for await (const [number, line] of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), maxBytes)) {
    lines.push([number, line.toString()]);
  }
  return lines;
}

const chunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\n', 'c'), maxLength: 12 }), {
  maxLength: 12,
});

test('lines: they are the same however the text is cut into chunks; empty ones are left out but counted', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, async (pieces) => {
      const due = pieces
        .join('')
        .split('\n')
        .flatMap((line, i) => (line === '' ? [] : [[i + 1, line] as const]));

      assert.deepEqual(await read(pieces), due);
    }),
  );
});

test('lines: of one that is too long so many bytes and one more are kept, and the others stay whole', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 6 }), async (pieces, maxBytes) => {
      const cut = (await read(pieces)).map(([number, line]) => [number, line.slice(0, maxBytes + 1)] as const);

      assert.deepEqual(await read(pieces, maxBytes), cut);
    }),
  );
});
