// What SQS makes of a message that is sent: what it refuses, how it counts bytes, its digests.
// Sources: SQS API reference, SendMessage and MessageAttributeValue; Developer Guide, "Message metadata" (names and types of
// attributes, calculating their digest) (read 2026-11-21).

import { createHash } from 'node:crypto';
import { type Loose, looseOf, refusal } from './aws-json.ts';

export interface Attribute {
  readonly type: string;
  readonly value: Buffer;
}

export interface Content {
  readonly body: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

const MAX_ATTRIBUTES = 10;
const ATTRIBUTE_NAME = /^(?!\.|aws\.|amazon\.)(?!.*(?:\.\.|\.$))[A-Za-z0-9_.-]{1,256}$/i;
const ATTRIBUTE_TYPE = /^(?:String|Number|Binary)(?:\.[^\s]{1,200})?$/;
/** The characters of XML 1.0. */
const TAKEN = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex');

function invalid(says: string): never {
  throw refusal('InvalidParameterValueException', says);
}

function readAttribute(name: string, given: Loose): Attribute {
  const type = textOf(given['DataType']);
  if (!ATTRIBUTE_NAME.test(name)) invalid(`the attribute name '${name}' is not allowed`);
  if (!ATTRIBUTE_TYPE.test(type)) invalid(`the type of '${name}' is not allowed`);
  const isBinary = type.startsWith('Binary');
  const text = textOf(given[isBinary ? 'BinaryValue' : 'StringValue']);
  if (text === '') invalid(`the attribute '${name}' has no value of its type`);
  if (!TAKEN.test(text)) invalid(`the attribute '${name}' holds a character that is not allowed`);
  if (type.startsWith('Number') && !/^-?\d+(?:\.\d+)?$/.test(text)) invalid(`the attribute '${name}' is no number`);
  return { type, value: Buffer.from(text, isBinary ? 'base64' : 'utf8') };
}

/** Throws a refusal. */
export function readContent(input: Loose, maxBytes: number): Content {
  const body = textOf(input['MessageBody']);
  if (body === '') throw refusal('MissingParameterException', 'The request must contain the parameter MessageBody.');
  if (!TAKEN.test(body))
    throw refusal('InvalidMessageContents', 'The message contains characters outside the allowed set.');
  const given = Object.entries(looseOf(input['MessageAttributes']));
  if (given.length > MAX_ATTRIBUTES)
    invalid(`Number of message attributes [${given.length}] exceeds the allowed maximum [10].`);
  const attributes = new Map(given.map(([name, value]) => [name, readAttribute(name, looseOf(value))]));
  const content = { body, attributes };
  if (bytesOf(content) <= maxBytes) return content;
  return invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${maxBytes} bytes.`);
}

/** Name, type and value of each attribute count. */
function bytesOf({ body, attributes }: Content): number {
  const sizes = [...attributes].map(([name, { type, value }]) => Buffer.byteLength(name) + type.length + value.length);
  return sizes.reduce((sum, size) => sum + size, Buffer.byteLength(body));
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The digests that an answer names, under the names that it has there. */
export function digestsOf({ body, attributes }: Content, bodyName: 'MD5OfMessageBody' | 'MD5OfBody'): Loose {
  const parts = [...attributes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { type, value }]) => [
      withLength(Buffer.from(name)),
      withLength(Buffer.from(type)),
      Buffer.from([type.startsWith('Binary') ? 2 : 1]),
      withLength(value),
    ]);
  return {
    [bodyName]: md5(body),
    ...(parts.length === 0 ? {} : { MD5OfMessageAttributes: md5(Buffer.concat(parts)) }),
  };
}

/** Those that were asked for: names, `All`, `.*`, `prefix.*`. */
export function attributesOf({ attributes }: Content, asked: readonly unknown[]): Content['attributes'] {
  const isAsked = (name: string): boolean =>
    asked.some((one) => {
      const text = textOf(one);
      return text === 'All' || text === name || (text.endsWith('.*') && name.startsWith(text.slice(0, -2)));
    });
  return new Map([...attributes].filter(([name]) => isAsked(name)));
}

/** As an answer writes them. */
export function attributesJson(attributes: Content['attributes']): Loose {
  return Object.fromEntries(
    [...attributes].map(([name, { type, value }]) => {
      const held = type.startsWith('Binary')
        ? { BinaryValue: value.toString('base64') }
        : { StringValue: value.toString() };
      return [name, { DataType: type, ...held }];
    }),
  );
}
