// What was published in the last 24 hours, in a table of DynamoDB that all instances share. An item is a hash and the second
// at which it ends: nothing of an event lies there. A table that fails must not stop intake: the event is published, perhaps
// twice, and the log says so.
// Sources: DynamoDB API reference, GetItem and PutItem; Developer Guide, "Using time to live (TTL)": what has ended may still
// be found for some days (read 2026-11-21).

import { createHash } from 'node:crypto';
import { type AwsCall, type AwsJson, createAwsJson, regionIn, serviceUrl } from '../../adapters/aws-json.ts';
import { credentialsFromEnv } from '../../adapters/aws-request.ts';
import { isObject } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { Seen } from '../../router/ingest.ts';
import type { Env } from './read-document.ts';

const WINDOW_S = 86_400;
/** With the bus's own deadline of 5 s it stays below the 10 s that GitHub waits. */
const CALL_MS = 1_000;
const TABLE = /^[A-Za-z0-9_.-]{3,255}$/;

function keyOf({ attributes: { source, id } }: CloudEvent): string {
  return createHash('sha256').update(`${source}\0${id}`).digest('hex');
}

/** What may stand in a log line: names and numbers, never the service's text. */
function shown(thrown: unknown): string {
  if (thrown instanceof RouterError) return thrown.message;
  const { name, code, $metadata } = (thrown ?? {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const parts = [name === 'Error' ? code : name, $metadata?.httpStatusCode];
  return parts.filter((part) => /^[A-Za-z0-9_]{1,60}$/.test(String(part ?? ''))).join(', ') || 'no answer';
}

const secondsOf = (now: number): number => Math.floor(now / 1_000);

function isInForce(item: unknown, now: number): boolean {
  const expires = isObject(item) && isObject(item['expires']) ? Number(item['expires']['N']) : Number.NaN;
  return expires > secondsOf(now);
}

export interface SeenParts {
  /** Told when the table begins to fail, once until it answers again. */
  readonly onWarning: (text: string) => void;
  /** How long a call may take; 1 s unless told. */
  readonly callMs?: number;
}

function createSeenTable(table: AwsJson, name: string, { onWarning, callMs = CALL_MS }: SeenParts): Seen {
  let failing = false;

  /** Undefined when the table did not answer. */
  async function ask(operation: string, input: object): Promise<Readonly<Record<string, unknown>> | undefined> {
    // Both may be done twice: what they ask and leave is the same.
    const call: AwsCall = { operation, input, signal: AbortSignal.timeout(callMs), repeatable: true };
    try {
      const answer = await table.call(call);
      failing = false;
      return answer;
    } catch (thrown) {
      const says = `aws: table '${name}' does not answer as it should (${shown(thrown)})`;
      if (!failing) onWarning(`${says}; until it does, events that come again are published again`);
      failing = true;
      return undefined;
    }
  }

  return {
    keyOf,
    async has(key) {
      const answer = await ask('GetItem', { TableName: name, Key: { pk: { S: key } }, ConsistentRead: true });
      return isInForce(answer?.['Item'], Date.now());
    },
    async add(key) {
      const expires = { N: String(secondsOf(Date.now()) + WINDOW_S) };
      await ask('PutItem', { TableName: name, Item: { pk: { S: key }, expires } });
    },
  };
}

/** The table that BUSWAY_SEEN_TABLE names; undefined where it is not set. Throws CONFIG_INVALID. Connects to nothing yet. */
export function openSeenTable(env: Env, given: SeenParts): Seen | undefined {
  const name = env('BUSWAY_SEEN_TABLE') ?? '';
  if (name === '') return undefined;
  const region = regionIn(env);
  if (!TABLE.test(name) || region === undefined) {
    const says = TABLE.test(name) ? 'needs AWS_REGION' : 'must be the name of a DynamoDB table';
    throw new RouterError('CONFIG_INVALID', `aws: BUSWAY_SEEN_TABLE ${says}`);
  }
  const url = serviceUrl(env, { variable: 'DYNAMODB', host: 'dynamodb' }, region);
  const credentials = credentialsFromEnv(env, Date.now);
  const parts = { service: 'dynamodb', target: 'DynamoDB_20120810', version: '1.0', url, region } as const;
  return createSeenTable(createAwsJson({ ...parts, credentials, now: Date.now }), name, given);
}
