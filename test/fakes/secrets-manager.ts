// AWS Secrets Manager on loopback: GetSecretValue in its JSON protocol (AWS JSON 1.1, SigV4). Strict: asked by a whole ARN or
// by the name, refused as the service refuses. Must never answer with a secret that was not asked for.
// Source: Secrets Manager API reference, GetSecretValue (read 2026-11-21).

import { randomUUID } from 'node:crypto';
import { type Call, type Loose, refusal, startAwsJson, type WireFault } from './aws-json.ts';
import type { Keys } from './aws-signature.ts';

export interface SecretsSettings extends Partial<Keys> {
  readonly denied?: readonly string[];
  /** Answers wait for it. */
  readonly hold?: () => Promise<void>;
  readonly fault?: (call: Call) => WireFault | undefined;
}

type Secret = { readonly text: string } | { readonly bytes: Buffer } | 'deleted' | 'empty';

export interface FakeSecrets {
  readonly endpoint: string;
  readonly keys: Keys;
  readonly calls: readonly Call[];
  /** Answers its ARN. */
  put(name: string, secret: Secret): string;
  close(): Promise<void>;
}

interface Stored {
  readonly name: string;
  readonly secret: Secret;
}

function getSecretValue(secrets: ReadonlyMap<string, Stored>, input: Loose): Loose {
  const { SecretId, ...rest } = input;
  for (const name of Object.keys(rest)) {
    if (name !== 'VersionId' && name !== 'VersionStage')
      throw refusal('ValidationException', `unknown parameter ${name}`);
  }
  if (typeof SecretId !== 'string' || SecretId.length < 1 || SecretId.length > 2_048) {
    throw refusal('ValidationException', 'SecretId must have a length from 1 to 2048');
  }
  const found = [...secrets].find(([arn, { name }]) => arn === SecretId || name === SecretId);
  if (found === undefined) {
    throw refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
  }
  const [ARN, { name, secret }] = found;
  if (secret === 'deleted') {
    throw refusal('InvalidRequestException', 'the secret was marked for deletion');
  }
  if (secret === 'empty') {
    throw refusal('ResourceNotFoundException', "can't find the specified secret value for staging label: AWSCURRENT");
  }
  const value = 'text' in secret ? { SecretString: secret.text } : { SecretBinary: secret.bytes.toString('base64') };
  return {
    ARN,
    Name: name,
    VersionId: randomUUID(),
    VersionStages: ['AWSCURRENT'],
    CreatedDate: 1_795_219_200,
    ...value,
  };
}

export async function startSecrets(settings: SecretsSettings = {}): Promise<FakeSecrets> {
  const { accessKeyId = 'AKIDEXAMPLE', secretAccessKey = 'secret', sessionToken, region = 'eu-west-1' } = settings;
  const keys: Keys = { accessKeyId, secretAccessKey, region, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const secrets = new Map<string, Stored>();
  const { endpoint, calls, close } = await startAwsJson<WireFault>({
    keys,
    service: 'secretsmanager',
    target: 'secretsmanager',
    contentType: 'application/x-amz-json-1.1',
    operations: ['GetSecretValue'],
    denied: settings.denied ?? [],
    fault: settings.fault,
    async run({ input }) {
      await settings.hold?.();
      return getSecretValue(secrets, input);
    },
    refused: (type, message) => ({ body: JSON.stringify({ __type: type, Message: message }) }),
  });
  return {
    endpoint,
    keys,
    calls,
    put(name, secret) {
      // Six characters of the service's own end each ARN.
      const arn = `arn:aws:secretsmanager:${region}:123456789012:secret:${name}-${randomUUID().slice(0, 6)}`;
      secrets.set(arn, { name, secret });
      return arn;
    },
    close,
  };
}
