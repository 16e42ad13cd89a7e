// Option tables: every mistake collected with its path, the nearest known name, and no secret in a message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkOptions, nearest, type OptionTable, type Problem, show, unknownName } from '../../router/config.ts';

const table: OptionTable = {
  name: { type: 'string', required: true, says: 'the name' },
  mode: { type: 'string', values: ['fast', 'safe'], default: 'safe', says: 'how' },
  port: { type: 'integer', min: 1, max: 65_535, says: 'where' },
  on: { type: 'boolean', default: false, says: 'whether' },
  hosts: { type: 'strings', check: (text) => (text.includes(' ') ? 'must have no blank' : undefined), says: 'who' },
  secret: { type: 'env', says: 'the variable' },
  nested: { type: 'object', fields: { deep: { type: 'integer', says: 'deep' } }, says: 'more' },
  any: { type: 'json', says: 'anything' },
};

function check(input: unknown): { readonly options: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const options = checkOptions(input, table, 'at', problems);
  return { options, problems };
}

test('config: good options come back with their defaults, absent ones stay absent', () => {
  const input = { name: 'n', port: 1, hosts: ['a'], secret: 'A_B', nested: { deep: 0 }, any: null };
  assert.deepEqual(check(input), { options: { ...input, mode: 'safe', on: false }, problems: [] });
});

const mistakes: readonly (readonly [input: object, path: string, says: RegExp])[] = [
  [{ name: '' }, 'at.name', /non-empty string, found ""/],
  [{ name: 1 }, 'at.name', /found 1/],
  [{}, 'at', /'name' is required: the name/],
  [{ name: 'n', mode: 'fats' }, 'at.mode', /did you mean 'fast'/],
  [{ name: 'n', port: 0 }, 'at.port', /integer from 1 to 65535, found 0/],
  [{ name: 'n', port: 1.5 }, 'at.port', /found 1.5/],
  [{ name: 'n', port: '80' }, 'at.port', /found "80"/],
  [{ name: 'n', on: 'true' }, 'at.on', /true or false/],
  [{ name: 'n', hosts: [] }, 'at.hosts', /non-empty list of strings/],
  [{ name: 'n', hosts: ['a', 'b c'] }, 'at.hosts[1]', /no blank/],
  [{ name: 'n', nested: [] }, 'at.nested', /an object, found a list of 0/],
  [{ name: 'n', nested: { deep: -1 } }, 'at.nested.deep', /from 0/],
  [{ name: 'n', nested: { dep: 1 } }, 'at.nested', /did you mean 'deep'/],
  [{ name: 'n', prot: 1 }, 'at', /unknown key 'prot'; did you mean 'port'/],
  [JSON.parse('{"name":"n","__proto__":1}') as object, 'at', /unknown key '__proto__'/],
  [{ name: 'n', toString: 'x' }, 'at', /unknown key 'toString'/],
];

for (const [input, path, says] of mistakes) {
  test(`config: ${JSON.stringify(input)} is refused at ${path}`, () => {
    const { problems } = check(input);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.path, path);
    assert.match(problems[0].says, says);
  });
}

test('config: a secret written where its variable is due is never repeated', () => {
  const { problems } = check({ name: 'n', secret: 'whsec_abc+def/=' });
  assert.match(problems[0]!.says, /name of an environment variable/);
  assert.ok(!JSON.stringify(problems).includes('whsec_'));
});

test('config: inherited values are no options', () => {
  const { options } = check(Object.create({ name: 'inherited' }));
  assert.equal((options as { name?: string }).name, undefined);
});

test('config: the nearest name is one slip away or none', () => {
  const names = ['github', 'hmac', 'cloudevents', 'poll'];
  const found = ['gihtub', 'GITHUB', 'hmc', 'cloudevent', 'xyz', ''].map((word) => nearest(word, names));
  assert.deepEqual(found, ['github', 'github', 'hmac', 'cloudevents', undefined, undefined]);
  assert.equal(unknownName('kind', 'x', []), "unknown kind 'x'; allowed: none");
});

test('config: one swapped, lost, doubled or changed letter still finds its name', () => {
  const name = 'eventbridge';
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: name.length - 2 }),
      fc.constantFrom('swap', 'lose', 'double', 'change'),
      (at, how) => {
        const [before, a, b, rest] = [name.slice(0, at), name[at]!, name[at + 1]!, name.slice(at + 2)];
        const middle = { swap: b + a, lose: b, double: a + a + b, change: `#${b}` }[how];
        assert.equal(nearest(before + middle + rest, ['pubsub', name, 'eventgrid']), name);
      },
    ),
  );
});

test('config: what is shown is short, and of structures only the shape', () => {
  assert.deepEqual(
    [show('x'.repeat(100)).length <= 62, show([1, 2]), show({ a: 1 }), show(null)],
    [true, 'a list of 2', 'an object', 'null'],
  );
  assert.ok(unknownName('key', 'k'.repeat(10_000), ['a']).length < 200);
});
