// The table of codes, the class, and docs/errors.md in step with both.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ErrorCode, errorTable, RouterError, toRouterError } from '../../router/errors.ts';

const doc = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const codes = Object.keys(errorTable) as ErrorCode[];

/** Rows of the page's tables as cells. */
const rows = doc
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('errors: every code is documented once, with its status, whether it is retried and what it means', () => {
  for (const code of codes) {
    const found = rows.filter(([name]) => name === `\`${code}\``);
    assert.equal(found.length, 1, `docs/errors.md must have one row for ${code}`);
    const [, status, retried, meaning, action] = found[0]!;
    const { status: due, retry, says } = errorTable[code];
    assert.deepEqual([status, retried, meaning], [String(due), retry ? 'yes' : 'no', says], code);
    assert.ok((action ?? '').length > 10, `${code}: what to do`);
  }
});

test('errors: the page names no code that does not exist', () => {
  for (const [name] of rows)
    assert.ok(
      codes.some((code) => name === `\`${code}\``),
      `docs/errors.md: ${name} is no code`,
    );
  for (const [, word] of doc.matchAll(/`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`/g)) {
    assert.ok(Object.hasOwn(errorTable, word!), `docs/errors.md: \`${word}\` is no code`);
  }
});

test('errors: texts are lower case, without a full stop, and statuses are errors', () => {
  for (const code of codes) {
    const { says, status } = errorTable[code];
    assert.ok(!says.endsWith('.') && says.length > 10, code);
    assert.match(says, /^([a-z]|CloudEvents|JSON|only CloudEvents)/, code);
    assert.ok(status >= 400 && status < 600, code);
  }
});

test('errors: an error knows its status, whether to retry, its facts and its cause', () => {
  const cause = new Error('why');
  const error = new RouterError('THROTTLED', 'kafka: slow down', { cause, topic: 't' });
  assert.deepEqual(
    [error.name, error.status, error.retryable, error.facts],
    ['RouterError', 503, true, { topic: 't' }],
  );
  assert.equal(error.cause, cause);
  assert.equal('cause' in new RouterError('USAGE', 'x'), false);
});

test('errors: whatever is thrown becomes one, and foreign words stay in the cause', () => {
  const own = new RouterError('NOT_FOUND', 'x');
  assert.equal(toRouterError(own, 'CLOSED'), own);
  for (const thrown of [new Error('secret-text'), 'secret-text', undefined, null, 0, { message: 'secret-text' }]) {
    const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
    assert.equal(error.code, 'BUS_UNAVAILABLE');
    assert.ok(!error.message.includes('secret-text'));
    if (thrown !== undefined) assert.equal(error.cause, thrown);
  }
  assert.equal(toRouterError('x').code, 'INTERNAL');
});
