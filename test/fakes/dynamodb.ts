// Amazon DynamoDB on loopback, as far as a table of keys goes: GetItem and PutItem in its JSON protocol (AWS JSON 1.0, SigV4).
// Strict: what the service refuses is refused here, and a read that did not ask to be consistent does not see the last write.
// Source: DynamoDB API reference, GetItem, PutItem, AttributeValue (read 2026-11-21).

import { isUtf8 } from 'node:buffer';
import { type Call, type Loose, looseOf, refusal, startAwsJson, type WireFault } from './aws-json.ts';
import type { Keys } from './aws-signature.ts';

export interface DynamoSettings extends Partial<Keys> {
  readonly table?: string;
  readonly denied?: readonly string[];
  readonly fault?: (call: Call) => WireFault | undefined;
}

type Item = Readonly<Record<string, Loose>>;

export interface FakeDynamoDb {
  readonly endpoint: string;
  readonly keys: Keys;
  readonly table: string;
  readonly calls: readonly Call[];
  /** By the value of `pk`. */
  readonly items: Map<string, Item>;
  close(): Promise<void>;
}

interface State {
  readonly table: string;
  readonly items: Map<string, Item>;
  /** As a read sees it that is not consistent: without what was written last. */
  before: ReadonlyMap<string, Item>;
}

const MAX_ITEM_BYTES = 400 * 1024;
const MAX_KEY_BYTES = 2_048;
const NUMBER = /^-?(?:\d{1,38}(?:\.\d{1,38})?|\.\d{1,38})(?:[eE][+-]?\d{1,3})?$/;

function invalid(says: string): never {
  throw refusal('ValidationException', says);
}

/** Of an attribute its one value, of type S or N. */
function checkValue(name: string, value: unknown): void {
  const members = Object.entries(looseOf(value));
  const [type, text] = members[0] ?? [];
  if (members.length !== 1 || (type !== 'S' && type !== 'N'))
    invalid(`Supplied AttributeValue of ${name} must be S or N`);
  if (typeof text !== 'string') throw refusal('SerializationException', 'STRING_VALUE expected');
  if (type === 'N' && !NUMBER.test(text)) invalid(`The parameter cannot be converted to a numeric value: ${name}`);
}

function checkInput(input: Loose, known: readonly string[], { table }: State): void {
  for (const name of Object.keys(input)) if (!known.includes(name)) invalid(`unknown parameter ${name}`);
  if (input['TableName'] !== table) throw refusal('ResourceNotFoundException', 'Requested resource not found');
}

function keyIn(attributes: Loose): string {
  const { pk } = attributes;
  checkValue('pk', pk);
  const text = looseOf(pk)['S'];
  if (typeof text !== 'string') return invalid('The provided key element does not match the schema');
  const bytes = Buffer.from(text);
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES || !isUtf8(bytes))
    invalid('One or more key values are invalid');
  return text;
}

function getItem(state: State, input: Loose): Loose {
  checkInput(input, ['TableName', 'Key', 'ConsistentRead'], state);
  const key = looseOf(input['Key']);
  if (Object.keys(key).join() !== 'pk') invalid('The number of conditions on the keys is invalid');
  const consistent = input['ConsistentRead'] === true;
  const item = (consistent ? state.items : state.before).get(keyIn(key));
  return item === undefined ? {} : { Item: item };
}

function putItem(state: State, input: Loose): Loose {
  checkInput(input, ['TableName', 'Item'], state);
  const item = looseOf(input['Item']) as Item;
  for (const [name, value] of Object.entries(item)) checkValue(name, value);
  if (Buffer.byteLength(JSON.stringify(item)) > MAX_ITEM_BYTES)
    invalid('Item size has exceeded the maximum allowed size');
  const key = keyIn(item);
  state.before = new Map(state.items);
  state.items.set(key, item);
  return {};
}

const operations: Readonly<Record<string, (state: State, input: Loose) => Loose>> = {
  GetItem: getItem,
  PutItem: putItem,
};

export async function startDynamoDb(settings: DynamoSettings = {}): Promise<FakeDynamoDb> {
  const { accessKeyId = 'AKIDEXAMPLE', secretAccessKey = 'secret', sessionToken, region = 'eu-west-1' } = settings;
  const keys: Keys = { accessKeyId, secretAccessKey, region, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const state: State = { table: settings.table ?? 'busway-seen', items: new Map(), before: new Map() };
  const server = await startAwsJson<WireFault>({
    keys,
    service: 'dynamodb',
    target: 'DynamoDB_20120810',
    contentType: 'application/x-amz-json-1.0',
    operations: Object.keys(operations),
    denied: settings.denied ?? [],
    fault: settings.fault,
    run: ({ operation, input }) => operations[operation]!(state, input),
    refused: (type, message) => ({
      body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }),
    }),
  });
  const { endpoint, calls, close } = server;
  return { endpoint, keys, table: state.table, calls, items: state.items, close };
}
