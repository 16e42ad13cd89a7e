// A document as JSON text: what JSON.parse would lose is refused or kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDocument } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError } from '../../router/errors.ts';
import { jsonData } from '../../router/event.ts';
import { compilePattern } from '../../router/matcher.ts';

const kinds = { buses: { embedded: { options: {} } }, sources: {}, targets: { log: { options: {} } } };

function ruleWith(when: string) {
  const text = `{"rules":[{"name":"r","when":${when},"to":{"log":{}}}]}`;
  return checkDocument(readDocumentText(text), kinds).rules[0]!;
}

test('document text: a name written twice is refused with its path, every one at once', () => {
  const text = '{"rules":[{"name":"r","when":{"type":["a"],"data":{"a":[1],"a":[2]},"type":["b"]},"to":{"log":{}}}]}';

  assert.throws(
    () => readDocumentText(text),
    (thrown) =>
      thrown instanceof RouterError &&
      thrown.code === 'DOCUMENT_INVALID' &&
      thrown.message.includes('rules[0].when.data.a: is written twice') &&
      thrown.message.includes('rules[0].when.type: is written twice'),
  );
});

test('document text: a number that no double carries matches by its text, and counts in the hash', () => {
  const { when, hash } = ruleWith('{"data":{"n":[9007199254740993]}}');
  assert.equal(when.kind, 'fields');
  const matches = when.kind === 'fields' ? compilePattern(when) : () => false;
  const made = (data: string) => ({
    attributes: { specversion: '1.0', id: '1', source: '/t', type: 't' } as const,
    data: jsonData(Buffer.from(data)),
  });

  assert.equal(matches(made('{"n":9007199254740993}')), true);
  assert.equal(matches(made('{"n":9007199254740992}')), false);
  assert.notEqual(hash, ruleWith('{"data":{"n":[9007199254740992]}}').hash);
});

test('document text: whatever else it holds is what JSON.parse gives', () => {
  const text = '{"__proto__":[1,1.50,1e2],"a":{"b":null,"c":[true,false,"x\\u0041"]}}';

  assert.deepEqual(readDocumentText(text), JSON.parse(text));
});

test('document text: what is not JSON is NOT_JSON', () => {
  assert.throws(
    () => readDocumentText('{"rules":}'),
    (thrown) => thrown instanceof RouterError && thrown.code === 'NOT_JSON',
  );
});
