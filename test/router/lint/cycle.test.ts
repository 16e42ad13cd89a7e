// Rules that deliver to their own router: what surely comes round again is told, what does not is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../../../functions/sources/standard-webhooks.ts';
import type { Problem } from '../../../router/config.ts';
import type { Finding } from '../../../router/lint/finding.ts';
import { lintRules } from '../../../router/lint/rules.ts';
import { compilePattern } from '../../../router/matcher.ts';
import { parsePattern } from '../../../router/read-pattern.ts';
import { decodeStructured, encodeStructured } from '../../../router/wire/json.ts';

const sources = [
  { name: 'events', kind: 'cloudevents' },
  { name: 'my.shop', kind: 'standard-webhooks' },
  { name: 'again', kind: 'standard-webhooks' },
  { name: 'github', kind: 'github' },
];

function rule(name: string, input: unknown, url: string) {
  const problems: Problem[] = [];
  const when = parsePattern(input, 'when', problems);
  assert.deepEqual(problems, []);
  return { name, when: when!, to: { kind: 'http', options: { url } } };
}

function cycles(rules: readonly ReturnType<typeof rule>[], port?: number): readonly Finding[] {
  const found = lintRules(rules, { sources, ...(port === undefined ? {} : { port }) });
  return found.filter(({ kind }) => kind === 'cycle');
}

const at = (source: string, host = '127.0.0.1:4400'): string => `http://${host}/webhooks/${source}`;
const push = { type: ['com.github.push'] };

for (const host of ['127.0.0.1:4400', 'localhost:4400', '[::1]:4400', '127.0.0.1']) {
  test(`cycle: a delivery to the router's own CloudEvents intake at ${host} is told`, () => {
    const [finding, ...more] = cycles([rule('r', push, at('events', host))]);

    assert.deepEqual(more, []);
    assert.deepEqual([finding?.rule, finding?.level, finding?.at], ['r', 'warning', 'to.http.url']);
    assert.match(finding!.says, /is the intake of source 'events'.*as the same event, this rule takes it again/);
    assert.match(finding!.fix, /^deliver elsewhere$/);
  });
}

test('cycle: a delivery that comes in as a new event of the same type goes round for ever', () => {
  const [finding] = cycles([rule('r', push, at('my.shop'))], 4400);

  assert.deepEqual([finding?.rule, finding?.level], ['r', 'error']);
  assert.match(finding!.says, /as a new event each time, this rule takes it again, and nothing stops it/);
  assert.match(finding!.fix, /"source": \[\{ "anything-but": "\/webhooks\/my.shop" \}\]/);
});

test('cycle: what is told as its fix ends it', () => {
  const kept = { ...push, source: [{ 'anything-but': '/webhooks/my.shop' }] };

  assert.deepEqual(cycles([rule('r', kept, at('my.shop'))]), []);
});

test('cycle: rules that pass an event round are told once, with the way round', () => {
  const first = rule('first', { ...push, source: [{ 'anything-but': '/webhooks/my.shop' }] }, at('my.shop'));
  const second = rule('second', { ...push, source: [{ 'anything-but': '/webhooks/again' }] }, at('again'));
  const other = rule('other', push, 'https://ci.example.com/webhooks/again');

  const found = cycles([other, first, second]);

  assert.deepEqual(
    found.map(({ rule }) => rule),
    ['first'],
  );
  assert.match(found[0]!.says, /the rules first → second → first pass it round/);
});

test('cycle: a condition on what becomes the data of the new event is followed', () => {
  const outer = { ...push, data: { ref: ['main'] } };

  assert.deepEqual(cycles([rule('r', outer, at('my.shop'))]), [], 'data.ref is then data.data.ref');
  assert.equal(cycles([rule('r', { $or: [outer, { data: { data: { ref: ['main'] } } }] }, at('my.shop'))]).length, 1);
});

test('cycle: what is said to come in again is what the source makes of the delivery', async () => {
  const outer = { ...push, data: { ref: ['main'] } };
  const again = { type: ['com.github.push'], source: ['/webhooks/my.shop'], data: { data: { ref: ['main'] } } };
  const event = { specversion: '1.0', id: '1', source: '/s', type: 'com.github.push', data: { ref: 'main' } };

  const source = open({}, { name: 'my.shop' } as Parameters<typeof open>[1]);
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8', 'webhook-id': 'm1' };
  const body = encodeStructured(decodeStructured(Buffer.from(JSON.stringify(event))));

  const [normalized] = source.normalize({ method: 'POST', path: '/webhooks/my.shop', query: '', headers, body });

  assert.equal(cycles([rule('r', { $or: [outer, again] }, at('my.shop'))]).length, 1);
  assert.ok(normalized?.kind === 'event');
  assert.ok(compilePattern(rule('r', again, '').when)(normalized.event));
});

const quiet: readonly (readonly [what: string, url: string, port?: number])[] = [
  ['another host', 'https://events.example.com/webhooks/events'],
  ['a source that is not in the document', at('other')],
  ['another path', 'http://127.0.0.1:4400/hooks/events'],
  ['a source that refuses what the target sends', at('github')],
  ['another port than the router has', at('events', '127.0.0.1:9000'), 4400],
];

for (const [what, url, port] of quiet) {
  test(`cycle: nothing is said of ${what}`, () => {
    assert.deepEqual(cycles([rule('r', push, url)], port), []);
  });
}

test('cycle: the url is never repeated, for it may hold a token', () => {
  const [finding] = cycles([rule('r', push, `${at('events')}?access_token=c4n4ry`)]);

  assert.ok(finding !== undefined);
  assert.doesNotMatch(JSON.stringify(finding), /c4n4ry/);
});
