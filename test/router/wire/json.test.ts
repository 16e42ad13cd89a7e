import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CloudEvent, dataValue, jsonData } from '../../../router/event.ts';
import {
  decodeBatch,
  decodeStructured,
  encodeBatch,
  encodeStructured,
  encodeStructuredText,
  parseJson,
} from '../../../router/wire/json.ts';
import { event, sameEvent } from '../../harness/events.ts';

const core = '"specversion":"1.0","id":"1","source":"/s","type":"t"';
const decode = (rest: string): CloudEvent => decodeStructured(Buffer.from(`{${core}${rest === '' ? '' : ','}${rest}}`));
const bytesOf = (decoded: CloudEvent): string | undefined => decoded.data?.bytes.toString('utf8');
const refused = (rest: string, code: string): void =>
  assert.throws(() => decode(rest), { name: 'RouterError', code }, rest);

test('json: every valid event comes back as it went, kind of data included', () => {
  fc.assert(
    fc.property(event, (one) => {
      const back = decodeStructured(encodeStructured(one));
      assert.ok(sameEvent(back, one));
      const octets = one.data?.kind === 'text' && one.attributes.datacontenttype === undefined;
      if (!octets) assert.equal(back.data?.kind, one.data?.kind);
    }),
    { numRuns: 500 },
  );
});

test('json: encoding what was decoded gives the same bytes', () => {
  fc.assert(
    fc.property(event, (one) => {
      const wire = encodeStructured(one);
      assert.ok(encodeStructured(decodeStructured(wire)).equals(wire));
      assert.equal(encodeStructuredText(one), wire.toString('utf8'));
    }),
  );
});

test('json: what is written is plain JSON that any parser reads', () => {
  fc.assert(
    fc.property(event, (one) => {
      const read = JSON.parse(encodeStructured(one).toString('utf8'));
      const { data, data_base64, ...attributes } = read;
      assert.deepEqual(attributes, { ...one.attributes });
      assert.ok(data === undefined || data_base64 === undefined);
      if (one.data === undefined) assert.ok(data === undefined && data_base64 === undefined);
      else if (data_base64 !== undefined) assert.ok(Buffer.from(data_base64, 'base64').equals(one.data.bytes));
      else assert.deepEqual(data, dataValue(one));
    }),
  );
});

test('json: batches come back in order, an empty one included', () => {
  assert.deepEqual(decodeBatch(encodeBatch([])), []);
  assert.deepEqual(decodeBatch(Buffer.from(' [ ] ')), []);
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), (events) => {
      const back = decodeBatch(encodeBatch(events));
      assert.equal(back.length, events.length);
      for (const [i, one] of back.entries()) assert.ok(sameEvent(one, events[i]!));
    }),
    { numRuns: 60 },
  );
});

test('json: white space between the members changes nothing', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 3 }), fc.constantFrom('\t', '  ', '\n'), (events, indent) => {
      const plain = events.map((one) => JSON.parse(encodeStructured(one).toString('utf8')));
      const back = decodeBatch(Buffer.from(JSON.stringify(plain, null, indent)));
      for (const [i, one] of back.entries()) {
        const compact = decodeStructured(Buffer.from(JSON.stringify(plain[i])));
        assert.deepEqual(one.attributes, compact.attributes);
        assert.deepEqual(dataValue(one), dataValue(compact));
      }
    }),
    { numRuns: 60 },
  );
});

test('json: the bytes of data are kept as they came, without the space around them', () => {
  for (const text of [
    '{"n":1e999,"n":-0}',
    '123456789012345678901234567890',
    '-0',
    '"\\ud800"',
    '"\\u0041\\/"',
    'null',
    '{"a":"}"}',
    '"a\\\\"',
    '[1 , 2]',
    '"€"',
    '{"data":{"data":1}}',
    'false',
    '0',
  ]) {
    for (const rest of [`"data":${text}`, `"data" : ${text} , "ext":"x"`, `"ext":"x" ,\n "data":\n${text}\n`]) {
      const decoded = decode(rest);
      assert.equal(decoded.data?.kind, 'json');
      assert.equal(bytesOf(decoded), text);
      assert.deepEqual(decoded.data?.parsed, JSON.parse(text));
    }
  }
});

test('json: data with space around it keeps the space on the way through our own form', () => {
  for (const text of ['{"a":1}\n', ' 1', '\r\n\t"x" ']) {
    for (const attributes of [{}, { datacontenttype: 'application/json' }]) {
      const one: CloudEvent = {
        attributes: { specversion: '1.0', id: '1', source: '/s', type: 't', ...attributes },
        data: jsonData(Buffer.from(text)),
      };
      const wire = encodeStructured(one);
      assert.equal(bytesOf(decodeStructured(wire)), text);
      assert.deepEqual(JSON.parse(wire.toString('utf8')).data, JSON.parse(text));
    }
  }
});

test('json: a null data is data, a null attribute or data_base64 is absent', () => {
  assert.equal(bytesOf(decode('"data":null')), 'null');
  assert.equal(decode('').data, undefined);
  assert.equal(decode('"data_base64":null').data, undefined);
  assert.equal(bytesOf(decode('"data":1,"data_base64":null')), '1');
  assert.deepEqual({ ...decode('"subject":null,"ext":null,"My.Ext":null').attributes }, { ...decode('').attributes });
  assert.throws(() => decodeStructured(Buffer.from('{"specversion":"1.0","id":null,"source":"/s","type":"t"}')), {
    code: 'EVENT_INVALID',
  });
});

test('json: data and data_base64 together are refused', () => {
  refused('"data":1,"data_base64":"MQ=="', 'EVENT_INVALID');
  refused('"data":null,"data_base64":"MQ=="', 'EVENT_INVALID');
});

test('json: a member given twice is refused by name, also when it is escaped', () => {
  for (const rest of [
    '"ext":"a","ext":"a"',
    '"id":"2"',
    '"data":1,"data":2',
    '"data":1,"d\\u0061ta":2',
    '"ext":null,"ext":"b"',
    '"__proto__":null,"__proto__":null',
  ]) {
    assert.throws(() => decode(rest), { code: 'EVENT_INVALID', message: /is given twice/ }, rest);
  }
  assert.equal(bytesOf(decode('"data":{"a":1,"a":2}')), '{"a":1,"a":2}');
});

test('json: escaped member names are the names they spell', () => {
  const decoded = decode('"\\u0065xt":"x","\\u0064\\u0061\\u0074\\u0061":[1]');
  assert.equal(decoded.attributes['ext'], 'x');
  assert.equal(bytesOf(decoded), '[1]');
});

test('json: attribute numbers are judged by their text and never altered', () => {
  for (const number of ['0', '-1', '2147483647', '-2147483648'])
    assert.equal(decode(`"ext":${number}`).attributes['ext'], Number(number));
  for (const number of [
    '1.0',
    '1e3',
    '1E0',
    '-0',
    '-0.0',
    '0.0',
    '2147483648',
    '-2147483649',
    '9007199254740993',
    '1e999',
    '0e0',
    '1.5',
  ]) {
    for (const rest of [
      `"ext":${number}`,
      `"ext" :\n${number} `,
      `"ext":${number},"data":1`,
      `"e\\u0078t":${number}`,
    ]) {
      refused(rest, 'NUMBER_NOT_CARRIABLE');
    }
  }
});

test('json: attribute names are checked, and __proto__ is one of the bad ones', () => {
  for (const name of ['__proto__', 'MyExtension', 'my.extension', 'a_b', '', '\\u0041', 'é'])
    refused(`"${name}":"x"`, 'EVENT_INVALID');
  refused('"__proto__":{"polluted":true}', 'EVENT_INVALID');
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.equal(decode('"constructor":"x"').attributes['constructor'], 'x');
});

test('json: attribute values that are objects, lists or broken text are refused', () => {
  for (const value of ['{}', '[]', '["x"]', '"\\ud800"', '"\\u0000"', '"a\\nb"', '"\\uffff"'])
    refused(`"ext":${value}`, 'EVENT_INVALID');
});

test('json: version 0.3 is refused', () => {
  for (const version of ['"0.3"', '"1.0.2"', '1.0', '1', '["1.0"]', `${'['.repeat(10_000)}${']'.repeat(10_000)}`]) {
    const bytes = Buffer.from(`{"specversion":${version},"id":"1","source":"/s","type":"t"}`);
    assert.throws(() => decodeStructured(bytes), { code: 'SPECVERSION_UNSUPPORTED' }, version.slice(0, 20));
  }
});

test('json: under another media type data is a string, taken as it is', () => {
  const decoded = decode('"datacontenttype":"text/xml","data":"<a b=\\"\\u20ac\\"/>"');
  assert.equal(decoded.data?.kind, 'text');
  assert.equal(bytesOf(decoded), '<a b="€"/>');
  assert.equal(bytesOf(decode('"data":"","datacontenttype":"text/plain"')), '');
  for (const value of ['1', '{}', '[]', 'null', 'true'])
    refused(`"datacontenttype":"text/plain","data":${value}`, 'EVENT_INVALID');
  refused('"datacontenttype":"text/plain","data":"a\\udead"', 'NOT_UTF8');
});

test('json: a JSON string is not parsed again', () => {
  const decoded = decode('"datacontenttype":"application/json","data":"{\\"a\\":1}"');
  assert.equal(dataValue(decoded), '{"a":1}');
});

test('json: data_base64 is strict base64', () => {
  for (const value of [
    '"TWE"',
    '"TWE=="',
    '"TW E="',
    '"TWE=\\n"',
    '"TWF="',
    '"-_-_"',
    '"%"',
    '"="',
    '1',
    '{}',
    '[]',
    'true',
  ]) {
    refused(`"data_base64":${value}`, 'EVENT_INVALID');
  }
  assert.equal(bytesOf(decode('"data_base64":""')), '');
});

test('json: data_base64 is JSON only where the media type says so and the bytes are', () => {
  const kindOf = (type: string, bytes: string): string | undefined => {
    const named = type === '' ? '' : `"datacontenttype":"${type}",`;
    return decode(`${named}"data_base64":"${Buffer.from(bytes, 'latin1').toString('base64')}"`).data?.kind;
  };
  assert.equal(kindOf('application/json', '{"a":1}'), 'json');
  assert.equal(kindOf('application/vnd.x+json; charset=utf-8', ' 1\n'), 'json');
  assert.equal(kindOf('application/json', '{'), 'binary');
  assert.equal(kindOf('application/json', '"\xff"'), 'binary');
  assert.equal(kindOf('application/json', ''), 'binary');
  assert.equal(kindOf('', '{"a":1}'), 'binary');
  assert.equal(kindOf('text/plain', 'x'), 'binary');
});

test('json: bytes that are not UTF-8 are refused wherever they stand', () => {
  for (const bad of [[0xff], [0xc0, 0xa0], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    const wire = Buffer.concat([Buffer.from(`{${core},"data":"`), Buffer.from(bad), Buffer.from('"}')]);
    assert.throws(() => decodeStructured(wire), { code: 'NOT_UTF8' });
  }
  assert.throws(() => decodeStructured(Buffer.from(`{${core}}`, 'utf16le')), { name: 'RouterError' });
});

test('json: what is no JSON object is refused, and its text is not quoted', () => {
  for (const text of ['', ' ', 'secret', '{', `{${core}}x`, `\ufeff{${core}}`, `{${core},}`, "{'id':1}"]) {
    assert.throws(
      () => decodeStructured(Buffer.from(text)),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'NOT_JSON');
        assert.ok(!error.message.includes('secret') && error.cause === undefined);
        return true;
      },
    );
  }
  for (const text of ['null', '1', '"x"', '[]', `[{${core}}]`]) {
    assert.throws(() => decodeStructured(Buffer.from(text)), { code: 'EVENT_INVALID' });
  }
  assert.throws(() => decodeBatch(Buffer.from(`{${core}}`)), { code: 'EVENT_INVALID' });
});

test('json: a bad event in a batch is named by its index', () => {
  const batch = Buffer.from(`[{${core},"data":[1]},{${core},"ext":1.5}]`);
  assert.throws(() => decodeBatch(batch), { code: 'NUMBER_NOT_CARRIABLE', message: /^batch\[1\]: attribute 'ext'/ });
});

test('json: data nested 100 000 deep neither crashes nor changes', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const text = open.repeat(100_000) + (open === '[' ? '' : '1') + close.repeat(100_000);
    const decoded = decode(`"data":${text},"ext":"x"`);
    assert.equal(bytesOf(decoded), text);
    assert.equal(bytesOf(decodeStructured(encodeStructured(decoded))), text);
    assert.equal(bytesOf(decodeBatch(encodeBatch([decoded]))[0]!), text);
  }
});

test('json: parseJson tells bytes that are no text from text that is no JSON', () => {
  assert.deepEqual(parseJson(Buffer.from('{"a":"é"}'), 'the body'), { a: 'é' });
  assert.throws(() => parseJson(Buffer.from([0xff]), 'the body'), { code: 'NOT_UTF8', message: /^the body/ });
  assert.throws(() => parseJson(Buffer.from('x'), 'the body'), { code: 'NOT_JSON', message: /^the body/ });
});
