// The log target: one line of JSON per event, whatever its data looks like.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../../../functions/targets/log.ts';
import { jsonData, textData } from '../../../router/event.ts';
import { decodeStructured } from '../../../router/wire/json.ts';
import { targetEvent, targetParts, testTarget } from '../../contract/target.ts';

const NOTHING_TO_WAIT_FOR = 'printing a line cannot hang';

testTarget({
  name: 'log',
  env: {},
  async open(behaviour, parts) {
    const lines: string[] = [];
    const print = (line: string) => {
      if (behaviour === 'fails') throw new Error('EPIPE');
      lines.push(line);
    };
    const target = await open({}, { ...parts, print });
    return { target, given: () => lines.map((line) => JSON.parse(line).id as string), close: async () => {} };
  },
  skip: [
    { test: 'hangs', reason: NOTHING_TO_WAIT_FOR },
    { test: 'close under way', reason: NOTHING_TO_WAIT_FOR },
  ],
});

test('log: data with line ends of its own is still one line, and its values are untouched', async () => {
  const { parts, printed } = targetParts();
  const target = await open({}, parts);
  const idle = new AbortController().signal;
  const pretty = jsonData(Buffer.from('{\r\n  "n": 1.10,\n  "s": "a\\nb"\n}'));

  await target.deliver({ event: targetEvent('e1', pretty), rule: 'r1', attempt: 1 }, idle);
  await target.deliver({ event: targetEvent('e2', textData('a\nb')), rule: 'r1', attempt: 1 }, idle);

  assert.equal(printed.length, 2);
  for (const line of printed) assert.doesNotMatch(line, /[\r\n]/);
  assert.match(printed[0]!, /"n": 1\.10,/);
  assert.equal((JSON.parse(printed[0]!) as { data: { s: string } }).data.s, 'a\nb');
  assert.equal(decodeStructured(Buffer.from(printed[1]!)).data?.bytes.toString(), 'a\nb');
});
