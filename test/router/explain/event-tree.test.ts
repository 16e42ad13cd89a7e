// An event as a tree: attributes by name and type, data as it was sent, and nothing that throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { binaryData, type CloudEvent, type EventData, jsonData, textData } from '../../../router/event.ts';
import { eventTree } from '../../../router/explain/event-tree.ts';
import type { JsonTree } from '../../../router/wire/json-tree.ts';

const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't', count: 3, urgent: true } as const;

function dataOf(data?: EventData): JsonTree | undefined {
  const event: CloudEvent = data === undefined ? { attributes } : { attributes, data };
  const tree = eventTree(event);
  assert.equal(tree.kind, 'object');
  return tree.kind === 'object' ? tree.members.find(([name]) => name === 'data')?.[1] : undefined;
}

const json = (text: string): JsonTree | undefined => dataOf(jsonData(Buffer.from(text)));

test('eventTree: attributes keep their type, and absent ones are left out', () => {
  assert.deepEqual(eventTree({ attributes: { ...attributes, subject: undefined } as never }), {
    kind: 'object',
    members: [
      ['specversion', { kind: 'string', value: '1.0' }],
      ['id', { kind: 'string', value: '1' }],
      ['source', { kind: 'string', value: '/s' }],
      ['type', { kind: 'string', value: 't' }],
      ['count', { kind: 'number', text: '3' }],
      ['urgent', { kind: 'literal', value: true }],
    ],
  });
});

test('eventTree: data keeps the text of numbers and repeated names', () => {
  assert.deepEqual(json('{"n":9007199254740993,"n":1.0}'), {
    kind: 'object',
    members: [
      ['n', { kind: 'number', text: '9007199254740993' }],
      ['n', { kind: 'number', text: '1.0' }],
    ],
  });
  assert.deepEqual(json('null'), { kind: 'literal', value: null });
});

test('eventTree: text is a string; bytes, no data and broken JSON are absent', () => {
  assert.deepEqual(dataOf(textData('{"a":1}')), { kind: 'string', value: '{"a":1}' });
  assert.equal(dataOf(), undefined);
  assert.equal(dataOf(binaryData(Buffer.from('{}'))), undefined);
  assert.equal(json('{"a":'), undefined);
  assert.equal(json(''), undefined);
});

test('eventTree: data deeper than any reader recurses is read to its end', () => {
  const depth = 50_000;
  let tree = json(`${'[{"a":'.repeat(depth)}[1,"x",1e999,-1e999,true,null]${'}]'.repeat(depth)}`);
  let levels = 0;
  while (tree !== undefined && tree.kind !== 'string') {
    if (tree.kind === 'list')
      tree = tree.items.length === 6 ? { kind: 'string', value: listed(tree.items) } : tree.items[0];
    else if (tree.kind === 'object') [levels, tree] = [levels + 1, tree.members[0]?.[1]];
  }

  assert.equal(levels, depth);
  assert.equal(tree?.value, '1 "x" 1e999 -1e999 true null');
});

function listed(items: readonly JsonTree[]): string {
  const texts = items.map((item) =>
    item.kind === 'number' ? item.text : 'value' in item ? JSON.stringify(item.value) : '',
  );
  return texts.join(' ');
}
