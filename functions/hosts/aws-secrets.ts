// Variables whose value is the ARN of a secret: the secret's text stands in their place, fetched from Secrets Manager before a
// function opens, all at once. Never prints a value, never writes one anywhere; errors name the variable and the ARN.
// Sources: Secrets Manager API reference, GetSecretValue and "Common Errors"; User Guide, "Secret ARNs" (read 2026-11-21).

import { setTimeout as wait } from 'node:timers/promises';
import { type AwsJson, type AwsRefusal, createAwsJson, serviceUrl } from '../../adapters/aws-json.ts';
import { credentialsFromEnv } from '../../adapters/aws-request.ts';
import { type ErrorCode, RouterError } from '../../router/errors.ts';
import type { Env } from './read-document.ts';

export interface SecretLimits {
  /** For all secrets together, tries and waits included; 5 s unless told. */
  readonly deadlineMs?: number;
}

const ANY_ARN = /^arn:aws[a-z-]{0,20}:secretsmanager:/;
const ARN = /^arn:aws[a-z-]{0,20}:secretsmanager:([a-z0-9-]{1,32}):\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$/;
const DEADLINE_MS = 5_000;
/** A call that hangs leaves time for another. */
const CALL_MS = 2_000;
const FIRST_WAIT_MS = 50;

interface Wanted {
  readonly variable: string;
  readonly arn: string;
  readonly region: string;
}

function wantedIn(variables: Readonly<Record<string, string | undefined>>): readonly Wanted[] {
  return Object.entries(variables).flatMap(([variable, value]) => {
    if (value === undefined || !ANY_ARN.test(value)) return [];
    const region = ARN.exec(value)?.[1];
    if (region !== undefined) return [{ variable, arn: value, region }];
    throw new RouterError(
      'CONFIG_INVALID',
      `aws: ${variable} must be the ARN of a whole secret, such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:name-AbCdEf`,
    );
  });
}

/** A secret that is not there, or is no text, does not come back by asking again. */
const settled: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ResourceNotFoundException: ['SECRET_MISSING', 'does not exist; make it, or name another'],
  InvalidRequestException: ['SECRET_MISSING', 'cannot be read as it is: it is being deleted, or holds no value yet'],
  InvalidParameterException: ['SECRET_MISSING', 'cannot be read: Secrets Manager does not take its name'],
  DecryptionFailure: ['UNAUTHORIZED', 'cannot be decrypted; the function needs kms:Decrypt on its key'],
  AccessDeniedException: ['UNAUTHORIZED', 'is refused; the function needs secretsmanager:GetSecretValue on it'],
};
const THROTTLED =
  /^(?:Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|LimitExceededException)$/;

function named({ variable, arn }: Wanted): string {
  return `aws: the secret of ${variable} (${arn})`;
}

/** What went wrong by name and status only: the service's text may quote the secret's name, never more, but is not ours. */
function failureOf(thrown: unknown, wanted: Wanted): RouterError {
  if (thrown instanceof RouterError) return thrown;
  const { name, code, $metadata } = thrown as Partial<AwsRefusal> & { code?: unknown };
  const status = $metadata?.httpStatusCode ?? 0;
  const shown = [name, code, status]
    .filter((one) => one !== 0 && one !== 'Error' && /^[A-Za-z0-9_]{1,60}$/.test(String(one ?? '')))
    .join(', ');
  const known = settled[String(name)];
  if (known !== undefined) return new RouterError(known[0], `${named(wanted)} ${known[1]} (${shown})`);
  if (status === 400 || status === 401 || status === 403) {
    if (!THROTTLED.test(String(name))) {
      return new RouterError('UNAUTHORIZED', `${named(wanted)} is refused to these credentials (${shown})`);
    }
  }
  const isBusy = status === 429 || THROTTLED.test(String(name));
  const says = isBusy ? 'is over the rate of Secrets Manager' : 'cannot be had: Secrets Manager does not answer';
  return new RouterError(isBusy ? 'THROTTLED' : 'SECRET_MISSING', `${named(wanted)} ${says} (${shown})`, {
    passing: true,
  });
}

async function ask(service: AwsJson, wanted: Wanted, signal: AbortSignal): Promise<string> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
  const call = {
    operation: 'GetSecretValue',
    input: { SecretId: wanted.arn },
    signal: either,
    repeatable: true,
  } as const;
  const { SecretString: text } = await service.call(call);
  if (typeof text === 'string' && text !== '') return text;
  throw new RouterError('SECRET_MISSING', `${named(wanted)} holds no text; store it as a plain text secret`);
}

/** Again and again while the fault may pass and there is time. */
async function fetchSecret(service: AwsJson, wanted: Wanted, signal: AbortSignal): Promise<string> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs *= 2) {
    try {
      return await ask(service, wanted, signal);
    } catch (thrown) {
      const failure = failureOf(thrown, wanted);
      if (failure.facts['passing'] !== true) throw failure;
      await wait(waitMs, undefined, { signal }).catch(() => {
        throw failure;
      });
    }
  }
}

/**
 * The variables as a function reads them. Throws CONFIG_INVALID for an ARN of another form, SECRET_MISSING, UNAUTHORIZED, or
 * THROTTLED when the time is over and Secrets Manager still asks to slow down. Asks nobody where no variable is an ARN.
 */
export async function envWithSecrets(
  variables: Readonly<Record<string, string | undefined>>,
  { deadlineMs = DEADLINE_MS }: SecretLimits = {},
): Promise<Env> {
  const plain: Env = (name) => variables[name];
  const wanted = wantedIn(variables);
  if (wanted.length === 0) return plain;
  const credentials = credentialsFromEnv(plain, Date.now);
  const services = new Map<string, AwsJson>();
  const serviceOf = (region: string): AwsJson => {
    const url = serviceUrl(plain, { variable: 'SECRETS_MANAGER', host: 'secretsmanager' }, region);
    const parts = { service: 'secretsmanager', target: 'secretsmanager', version: '1.1', url, region } as const;
    const service = services.get(region) ?? createAwsJson({ ...parts, credentials, now: Date.now });
    services.set(region, service);
    return service;
  };
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    const values = await Promise.all(wanted.map((one) => fetchSecret(serviceOf(one.region), one, signal)));
    const secrets = new Map(wanted.map(({ variable }, i) => [variable, values[i]!]));
    return (name) => secrets.get(name) ?? variables[name];
  } finally {
    for (const service of services.values()) service.close();
  }
}
