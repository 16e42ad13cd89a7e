// Templates: values as they were sent, nothing evaluated, and every mistake refused before the first event.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTemplate, render, templateProblem } from '../../../functions/targets/template.ts';
import { binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import { targetEvent } from '../../contract/target.ts';

const same = (value: string): string => value;
const of = (json: string): CloudEvent => targetEvent('e1', jsonData(Buffer.from(json)));
const show = (template: string, event: CloudEvent): string => render(parseTemplate(template), event, same);

test('template: attributes, extensions and paths into data are put in', () => {
  const event = of('{"repository":{"full_name":"a/b"},"items":[{"n":1},{"n":2}],"ok":true}');
  const extended = { ...event, attributes: { ...event.attributes, tenant: 'acme', count: 3, flag: false } };

  assert.equal(show('{{ type }} of {{data.repository.full_name}}!', extended), 'com.example.made of a/b!');
  assert.equal(show('{{tenant}} {{ count }} {{ flag }} {{specversion}}', extended), 'acme 3 false 1.0');
  assert.equal(show('{{ data.items.1.n }}{{ data.ok }}', extended), '2true');
});

test('template: a number reads as it was sent', () => {
  for (const number of ['1.10', '9007199254740993', '1e3', '-0', '0.1000', '123456789012345678901234567890', '1E+2']) {
    assert.equal(
      show('{{ data.n }}|{{ data.list.0 }}', of(`{"n":${number} ,"list":[ ${number}]}`)),
      `${number}|${number}`,
    );
    assert.equal(show('{{ data }}', of(` ${number}\n`)), number);
  }
});

test('template: objects and lists give their JSON as it was sent', () => {
  const event = of('{"a": { "x": [1.10, "}"] , "y":{}}, "b":[] }');

  assert.equal(show('{{ data.a }}', event), '{ "x": [1.10, "}"] , "y":{}}');
  assert.equal(show('{{ data.a.x }}{{ data.b }}', event), '[1.10, "}"][]');
});

test('template: what is missing or null is empty, and nothing inherited is found', () => {
  const event = of('{"n":null,"list":[1],"s":"text","o":{}}');
  const missing = [
    '{{ subject }}',
    '{{ data.x }}',
    '{{ data.n }}',
    '{{ data.list.1 }}',
    '{{ data.list.x }}',
    '{{ data.s.0 }}',
  ];
  missing.push(
    '{{ data.o.toString }}',
    '{{ data.__proto__ }}',
    '{{ data.list.length }}',
    '{{ constructor }}',
    '{{ data.list.-1 }}',
  );
  for (const template of missing) assert.equal(show(template, event), '', template);

  assert.equal(show('[{{ data }}]', { attributes: event.attributes }), '[]');
  assert.equal(show('[{{ data.a }}]', of('{"a":')), '[]');
});

test('template: text and binary data', () => {
  assert.equal(show('{{ data }}{{ data.x }}{{ data_base64 }}', targetEvent('e1', textData('"quoted"'))), '"quoted"');
  assert.equal(show('{{ data }}{{ data_base64 }}', targetEvent('e1', binaryData(Buffer.from([1, 2])))), 'AQI=');
});

test('template: strings are unescaped, a key may be escaped, and of a key given twice the last counts', () => {
  assert.equal(show('{{ data.s }}', of('{"s":"a\\"\\u00fc\\n{{ id }}"}')), 'a"ü\n{{ id }}');
  assert.equal(show('{{ data.key }}', of('{"\\u006bey":1}')), '1');
  assert.equal(show('{{ data.a.b }}', of('{"a":{"b":1},"a":{"b":2}}')), '2');
});

test('template: the escape is put on values only', () => {
  const shout = (value: string) => value.toUpperCase();
  assert.equal(render(parseTemplate('a {{ data.s }} b'), of('{"s":"x"}'), shout), 'a X b');
});

test('template: depth costs no stack', () => {
  const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`;
  assert.equal(show('{{ data.b }}', of(`{"a":${deep},"b":2}`)), '2');
  assert.equal(show('{{ data.0.0.0 }}', of(deep)).length, deep.length - 6);
});

test('template: what is not understood is refused with what is allowed', () => {
  const bad = [
    '{{',
    '{{ type',
    '{{}}',
    '{{ }}',
    '{{ type }',
    'a }} b',
    '{{{ type }}}',
    '{{ data. }}',
    '{{ data..x }}',
    '{{ .x }}',
  ];
  bad.push(
    '{{ type.x }}',
    '{{ data.a b }}',
    '{{ upper(type) }}',
    '{{ type | upper }}',
    '{{ #if x }}',
    '{{ Type }}',
    '{{ data[0] }}',
  );
  for (const text of bad) {
    assert.throws(() => parseTemplate(text), { code: 'CONFIG_INVALID' }, text);
    assert.match(String(templateProblem(text)), /is not understood; allowed: \{\{ type \}\}/, text);
  }
  for (const text of ['', 'plain { text } $x', '{{type}}{{id}}', '{{ data.a-b_c.@x.ü }}']) {
    assert.equal(templateProblem(text), undefined, text);
  }
});

test('template: every scalar of any JSON is found by its path', () => {
  const key = fc.stringMatching(/^[^\s.{}]{1,6}$/);
  const leaf = fc.oneof(
    fc.integer().map(String),
    fc.boolean().map(String),
    fc.string().map((s) => JSON.stringify(s)),
  );
  const wrap = fc.oneof(
    key.map((name) => ({ name })),
    fc.nat(3).map((index) => ({ index })),
  );
  const space = fc.constantFrom('', ' ', '\n\t');

  fc.assert(
    fc.property(leaf, fc.array(wrap, { maxLength: 6 }), space, (value, path, gap) => {
      let json = value;
      const keys: string[] = [];
      for (const step of path) {
        if ('name' in step) {
          json = `{${gap}"other, ]}":[1,{}],${JSON.stringify(step.name)}${gap}:${gap}${json}${gap}}`;
          keys.unshift(step.name);
        } else {
          json = `[${gap}${'{"a":"]"},'.repeat(step.index)}${json}${gap}]`;
          keys.unshift(String(step.index));
        }
      }
      const due = value.startsWith('"') ? (JSON.parse(value) as string) : value;
      assert.equal(show(`{{ ${['data', ...keys].join('.')} }}`, of(json)), due);
    }),
    { numRuns: 500 },
  );
});
