// The conformance material of the CloudEvents project, whole: every file, every case.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { errorTable, RouterError } from '../../../router/errors.ts';
import { type Attributes, type CloudEvent, dataValue } from '../../../router/event.ts';
import { decodeHttp } from '../../../router/wire/http.ts';
import { decodeBatch, decodeStructured, encodeBatch, encodeStructured } from '../../../router/wire/json.ts';
import { decodeKafka } from '../../../router/wire/kafka.ts';
import { sameEvent } from '../../harness/events.ts';
import { readFeature, type Scenario } from '../../harness/gherkin.ts';

const fixtures = new URL('../../fixtures/cloudevents/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, fixtures), 'utf8');

function refusal(act: () => unknown): RouterError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof RouterError, `a ${error} came out, which is no RouterError`);
    assert.ok(error.code in errorTable);
    return error;
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

// ---- format/json ---------------------------------------------------------------------------------------------------

// format/README.md, "Golden" sample events.
const minimal = { specversion: '1.0', id: 'minimal', type: 'io.cloudevents.test', source: 'https://cloudevents.io' };
const golden: Readonly<Record<string, { attributes: Readonly<Record<string, unknown>>; text?: string }>> = {
  minimal: { attributes: minimal },
  minimalWithTime: { attributes: { ...minimal, id: 'minimalWithTime', time: '2018-04-05T17:31:00Z' } },
  minimalWithRelativeSource: { attributes: { ...minimal, id: 'minimalWithRelativeSource', source: '#fragment' } },
  allCore: {
    attributes: {
      ...minimal,
      id: 'allCore',
      datacontenttype: 'text/plain',
      dataschema: 'https://cloudevents.io/dataschema',
      subject: 'tests',
      time: '2018-04-05T17:31:00Z',
    },
  },
  // The README says id "simpleData"; the file has "simpleTextData", and the file is what is read.
  simpleTextData: {
    attributes: { ...minimal, id: 'simpleTextData', datacontenttype: 'text/plain' },
    text: 'Simple text',
  },
  allExtensionTypes: {
    attributes: {
      ...minimal,
      id: 'allExtensionTypes',
      extinteger: 10,
      extboolean: true,
      extstring: 'text',
      extbinary: Buffer.from([77, 97]).toString('base64'),
      exttimestamp: '2023-03-31T15:12:00Z',
      exturi: 'https://cloudevents.io',
      exturiref: '//authority/path',
    },
  },
};
const goldenBatches: Readonly<Record<string, readonly string[]>> = {
  empty: [],
  minimal: ['minimal'],
  minimal2: ['minimal', 'minimal'],
  minimalAndAllCore: ['minimal', 'allCore'],
  minimalAndAllExtensionTypes: ['minimal', 'allExtensionTypes'],
};

function assertGolden(event: CloudEvent, sampleId: string): void {
  const expected = golden[sampleId];
  assert.ok(expected !== undefined, `no sample ${sampleId}`);
  // A timestamp is compared as an instant (format/README.md).
  const { time, ...rest } = event.attributes;
  const { time: dueTime, ...dueRest } = expected.attributes;
  assert.deepEqual(rest, dueRest);
  assert.equal(time && Date.parse(time), dueTime && Date.parse(String(dueTime)));
  if (expected.text === undefined) assert.equal(event.data, undefined);
  else assert.equal(dataValue(event), expected.text);
}

interface FormatFile {
  readonly testType: string;
  readonly tests: readonly { id: string; sampleId: string; testType?: string; event?: unknown; batch?: unknown }[];
}

const counts = { ValidSingleEvent: 10, InvalidSingleEvent: 25, ValidBatch: 5, InvalidBatch: 3 };
for (const path of readdirSync(new URL('format/json/', fixtures)).filter((name) => name.endsWith('.json'))) {
  const file = JSON.parse(read(`format/json/${path}`)) as FormatFile;
  test(`conformance: format/json/${path} holds all its cases`, () => {
    assert.equal(file.tests.length, counts[file.testType as keyof typeof counts]);
  });
  for (const { id, sampleId, testType = file.testType, event, batch } of file.tests) {
    const bytes = Buffer.from(JSON.stringify(event ?? batch));
    const actions: Readonly<Record<string, () => void>> = {
      ValidSingleEvent: () => {
        const decoded = decodeStructured(bytes);
        assertGolden(decoded, sampleId);
        assertGolden(decodeStructured(encodeStructured(decoded)), sampleId);
      },
      InvalidSingleEvent: () => void refusal(() => decodeStructured(bytes)),
      ValidBatch: () => {
        const due = goldenBatches[sampleId]!;
        for (const events of [decodeBatch(bytes), decodeBatch(encodeBatch(decodeBatch(bytes)))]) {
          assert.equal(events.length, due.length);
          for (const [i, one] of events.entries()) assertGolden(one, due[i]!);
        }
      },
      InvalidBatch: () => void refusal(() => decodeBatch(bytes)),
    };
    test(`conformance: format/json ${id} is ${testType}`, () => actions[testType]!());
  }
}

// ---- features ------------------------------------------------------------------------------------------------------

interface World {
  act?: () => CloudEvent;
  event?: CloudEvent;
  value?: Buffer;
}

function requestOf(doc: string): { headers: Record<string, string>; body: Buffer } {
  const [head, ...rest] = doc.split('\n\n');
  const headers: Record<string, string> = {};
  for (const line of head!.split('\n').slice(1)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { headers, body: Buffer.from(rest.join('\n\n')) };
}

const pairs = (table: readonly (readonly string[])[]): Record<string, string> =>
  Object.fromEntries(table.slice(1).map(([key, value]) => [key!, value!]));

/** Kafka headers as a consumer gets them: bytes. */
const asBytes = (headers: Record<string, string>): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]));

function play({ steps }: Scenario): void {
  const world: World = {};
  for (const { text, doc, table } of steps) {
    if (text.endsWith('Protocol Binding is supported')) continue;
    if (text === 'an HTTP request') {
      const { headers, body } = requestOf(doc!);
      world.act = () => decodeHttp(headers, body).events[0]!;
    } else if (text === 'a Kafka message with payload:') world.value = Buffer.from(doc!);
    else if (text === 'Kafka headers:')
      world.act = () => decodeKafka({ value: world.value!, headers: asBytes(pairs(table!)) });
    else if (text.startsWith('parsed as ')) world.event = world.act!();
    else if (text === 'the attributes are:') assert.deepEqual(world.event!.attributes, pairs(table!));
    else if (text === 'the data is equal to the following JSON:')
      assert.deepEqual(dataValue(world.event!), JSON.parse(doc!));
    else assert.fail(`unknown step: ${text}`);
  }
  assert.ok(world.event !== undefined);
}

for (const [path, due] of [
  ['http-protocol-binding.feature', 4],
  ['kafka-protocol-binding.feature', 3],
] as const) {
  const scenarios = readFeature(read(`features/${path}`));
  test(`conformance: ${path} has ${due} scenarios, each with its checks`, () => {
    assert.equal(scenarios.length, due);
    for (const { steps } of scenarios) assert.ok(steps.length >= 5);
  });
  for (const scenario of scenarios) test(`conformance: ${path} ${scenario.name}`, () => play(scenario));
}

// ---- yaml ----------------------------------------------------------------------------------------------------------

interface YamlCase {
  readonly Mode?: string;
  readonly ContextAttributes: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly TransportExtensions?: Readonly<Record<string, string>>;
  readonly Data: string;
}

interface Yaml {
  readonly FAILSAFE_SCHEMA: unknown;
  loadAll(text: string, iterator: null, options: { readonly schema: unknown }): unknown[];
}
const yaml = createRequire(import.meta.url)('js-yaml') as Yaml;

/** Every scalar as its text, so that 1.0 stays "1.0" and a time is not made a date. */
const loadYaml = (path: string): YamlCase[] =>
  yaml.loadAll(read(path), null, { schema: yaml.FAILSAFE_SCHEMA }) as YamlCase[];

function attributesOf({ ContextAttributes: { Extensions = {}, ...core } }: YamlCase): Record<string, string> {
  // A block scalar ends in a line break, which no attribute may have (spec 2.3): it is YAML's, not the value's.
  const all = { ...core, ...(Extensions as Record<string, string>) };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value).replace(/\n$/, '')]));
}

/** One case in each form: what a sender of the conformance tool would put on the wire. */
function forms(one: YamlCase): Record<string, () => CloudEvent> {
  const { datacontenttype, ...rest } = attributesOf(one);
  const type = datacontenttype === undefined ? {} : { 'content-type': datacontenttype };
  const named = (prefix: string, code: (text: string) => string): Record<string, string> =>
    Object.fromEntries(Object.entries(rest).map(([name, value]) => [prefix + name, code(value)]));
  const plain = (text: string): string => text;
  const body = Buffer.from(one.Data);
  const extra = one.TransportExtensions ?? {};
  const data = datacontenttype === undefined || /json/.test(datacontenttype) ? JSON.parse(one.Data) : one.Data;
  const json = Buffer.from(JSON.stringify({ ...attributesOf(one), data }));
  const cloudevent = { 'content-type': 'application/cloudevents+json' };
  return {
    'http binary': () => decodeHttp({ ...extra, ...type, ...named('ce-', encodeURIComponent) }, body).events[0]!,
    'http binary, unencoded': () => decodeHttp({ ...extra, ...type, ...named('ce-', plain) }, body).events[0]!,
    'http structured': () => decodeHttp({ ...extra, ...cloudevent }, json).events[0]!,
    'kafka binary': () => decodeKafka({ value: body, headers: asBytes({ ...extra, ...type, ...named('ce_', plain) }) }),
    'kafka structured': () => decodeKafka({ value: json, headers: asBytes({ ...extra, ...cloudevent }) }),
  };
}

for (const [path, due] of [
  ['yaml/v1.yaml', 2],
  ['yaml/v1.0/v1_minimum.yaml', 6],
] as const) {
  test(`conformance: every event of ${path} is read from every binding and mode`, () => {
    const cases = loadYaml(path);
    assert.equal(cases.length, due);
    for (const one of cases) {
      for (const [form, act] of Object.entries(forms(one))) {
        const event = act();
        assert.deepEqual(event.attributes, attributesOf(one), form);
        const found = event.data!.bytes.toString('utf8');
        if (event.data!.kind === 'json') assert.deepEqual(JSON.parse(found), JSON.parse(one.Data), form);
        else assert.equal(found, one.Data, form);
      }
    }
  });
}

for (const [path, due] of [
  ['yaml/v03.yaml', 1],
  ['yaml/v0.3/v03_minimum.yaml', 6],
] as const) {
  test(`conformance: every event of ${path} is refused as version 0.3`, () => {
    const cases = loadYaml(path);
    assert.equal(cases.length, due);
    for (const one of cases) {
      for (const act of Object.values(forms(one))) assert.equal(refusal(act).code, 'SPECVERSION_UNSUPPORTED');
    }
  });
}

// ---- sdk-java ------------------------------------------------------------------------------------------------------

const javaCore = { specversion: '1.0', id: '1', type: 'mock.test', source: 'http://localhost/source' };
const javaJson = {
  ...javaCore,
  dataschema: 'http://localhost/schema',
  datacontenttype: 'application/json',
  subject: 'sub',
  time: '2018-04-26T14:48:09+02:00',
};
const { dataschema: _schema, ...javaOther } = javaJson;
const javaText = { ...javaOther, datacontenttype: 'text/plain' };
const javaXml = { ...javaOther, datacontenttype: 'application/xml' };
const withExtensions = { ...javaJson, astring: 'aaa', aboolean: true, anumber: 10 };
type Due = { attributes: object; kind?: string; data?: string } | { code: string };
const javaFiles: Readonly<Record<string, Due>> = {
  'base64_json_data.json': { attributes: javaJson, kind: 'json', data: '{}' },
  'base64_json_data_with_ext.json': { attributes: withExtensions, kind: 'json', data: '{}' },
  'base64_text_data.json': { attributes: javaText, kind: 'binary', data: 'Hello World Lorena!' },
  'base64_xml_data.json': { attributes: javaXml, kind: 'binary', data: '<stuff></stuff>' },
  'binary_attr.json': { attributes: { ...javaCore, binary: '4P8ARKo=' } },
  'fail_numeric_decimal.json': { code: 'NUMBER_NOT_CARRIABLE' },
  'fail_numeric_long.json': { code: 'NUMBER_NOT_CARRIABLE' },
  'json_data.json': { attributes: javaJson, kind: 'json', data: '{}' },
  'json_data_with_ext.json': { attributes: withExtensions, kind: 'json', data: '{}' },
  'json_data_with_ext_invalid.json': { code: 'EVENT_INVALID' },
  'json_data_with_ext_upper_case.json': { code: 'EVENT_INVALID' },
  'json_data_with_fractional_time.json': {
    attributes: { ...javaJson, time: '2018-04-26T14:48:09.1234Z' },
    kind: 'json',
    data: '{}',
  },
  'min.json': { attributes: javaCore },
  'min_subject_null.json': { attributes: javaCore },
  'numeric_ext.json': { attributes: { ...javaCore, integer: 42, decimal: '42.42', float: '4.2', long: '4200' } },
  'text_data.json': { attributes: javaText, kind: 'text', data: 'Hello World Lorena!' },
  'xml_data.json': { attributes: javaXml, kind: 'text', data: '<stuff></stuff>' },
};

test('conformance: the table covers every version 1 file of sdk-java', () => {
  assert.deepEqual(readdirSync(new URL('sdk-java-json/v1/', fixtures)).sort(), Object.keys(javaFiles).sort());
});

for (const [name, due] of Object.entries(javaFiles)) {
  test(`conformance: sdk-java v1/${name} is read or refused as it must be`, () => {
    const bytes = readFileSync(new URL(`sdk-java-json/v1/${name}`, fixtures));
    if ('code' in due) return assert.equal(refusal(() => decodeStructured(bytes)).code, due.code);
    const event = decodeStructured(bytes);
    assert.deepEqual(event.attributes, due.attributes as Attributes);
    assert.equal(event.data?.kind, due.kind);
    assert.equal(event.data?.bytes.toString('utf8'), due.data);
    assert.ok(sameEvent(decodeStructured(encodeStructured(event)), event));
  });
}

test('conformance: every version 0.3 file of sdk-java is refused as version 0.3', () => {
  // Two files of that folder say version 1.0 inside; they are the same failures as in v1.
  const sayOne = {
    'fail_numeric_decimal.json': 'NUMBER_NOT_CARRIABLE',
    'fail_numeric_long.json': 'NUMBER_NOT_CARRIABLE',
  };
  const names = readdirSync(new URL('sdk-java-json/v03/', fixtures));
  assert.equal(names.length, 14);
  for (const name of names) {
    const bytes = readFileSync(new URL(`sdk-java-json/v03/${name}`, fixtures));
    const due = sayOne[name as keyof typeof sayOne] ?? 'SPECVERSION_UNSUPPORTED';
    assert.equal(refusal(() => decodeStructured(bytes)).code, due, name);
  }
});
