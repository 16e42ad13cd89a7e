// Target kind `fn` by ARN: AWS Lambda, Invoke with RequestResponse; the payload is the structured CloudEvent.
// The SDK is loaded only here and only when a rule needs it. It never retries: the rule's own policy does. A function's
// answer and its error text are bodies and stay out of verdicts.
// Source: AWS Lambda API reference, Invoke; @aws-sdk/client-lambda 3.1162.0.

import { RouterError } from '../../router/errors.ts';
import { missingPackage } from '../../router/optional-package.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import { arnProblem } from './arn.ts';
import { createBounds } from './bounds.ts';
import type { Target, TargetParts, Verdict } from './target.ts';
import { ACK, type Answer, encodingFailed, verdictOf } from './verdict.ts';

type Sdk = typeof import('@aws-sdk/client-lambda');

async function loadSdk(rule: string): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-lambda');
  } catch (cause) {
    throw missingPackage(`rule '${rule}': to.fn.arn`, '@aws-sdk/client-lambda', cause);
  }
}

function openClient({ LambdaClient }: Sdk, region: string, parts: TargetParts): InstanceType<Sdk['LambdaClient']> {
  const endpoint = parts.env('AWS_ENDPOINT_URL_LAMBDA');
  const accessKeyId = parts.env('AWS_ACCESS_KEY_ID');
  const secretAccessKey = parts.env('AWS_SECRET_ACCESS_KEY');
  const sessionToken = parts.env('AWS_SESSION_TOKEN');
  const session = sessionToken === undefined ? {} : { sessionToken };
  // Without keys in the environment the SDK finds its own credentials: a profile, a role, the host's service.
  const given = accessKeyId !== undefined && secretAccessKey !== undefined;
  return new LambdaClient({
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(given ? { credentials: { accessKeyId, secretAccessKey, ...session } } : {}),
  });
}

interface SdkError {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

function answerOf(thrown: unknown): Answer {
  const { name, $metadata, $response } = (thrown ?? {}) as SdkError;
  const shown = typeof name === 'string' && /^[A-Za-z]{1,60}$/.test(name) ? name : 'unknown error';
  const status = $metadata?.httpStatusCode ?? 0;
  if (status === 0) return { kind: 'failed', code: 'TARGET_UNREACHABLE', reason: `no answer (${shown})` };
  // An error on a good status: the SDK could not read what came.
  if (status < 300) return { kind: 'failed', code: 'TARGET_RESPONSE_INVALID', reason: `unreadable answer (${shown})` };
  const retryAfter = $response?.headers?.['retry-after'];
  return { kind: 'answered', status, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

function verdictOfThrown(thrown: unknown, label: string, now: () => number): Verdict {
  const answer = answerOf(thrown);
  // 409: the function is being created or updated and will take calls again.
  if (answer.kind === 'answered' && answer.status === 409) {
    return { kind: 'retry', code: 'TARGET_STATUS', reason: `${label} answered 409` };
  }
  return verdictOf(answer, label, now);
}

/** Throws CONFIG_INVALID, or UNSUPPORTED when the SDK is not installed. */
export async function openLambda(arn: string, timeoutMs: number, parts: TargetParts): Promise<Target> {
  const wrong = arnProblem(arn);
  if (wrong !== undefined) throw new RouterError('CONFIG_INVALID', `rule '${parts.rule}': to.fn.arn ${wrong}`);
  const region = arn.split(':')[3]!;
  const sdk = await loadSdk(parts.rule);
  const client = openClient(sdk, region, parts);
  const label = `fn ${arn}`;
  const bounds = createBounds(label, timeoutMs);

  async function invoke(body: Buffer, abortSignal: AbortSignal): Promise<Verdict> {
    const command = new sdk.InvokeCommand({ FunctionName: arn, InvocationType: 'RequestResponse', Payload: body });
    try {
      const { FunctionError: kind } = await client.send(command, { abortSignal });
      if (kind === undefined) return ACK;
      const shown = kind === 'Handled' || kind === 'Unhandled' ? kind : 'unknown';
      return { kind: 'retry', code: 'TARGET_FAILED', reason: `${label}: the function failed (${shown})` };
    } catch (thrown) {
      return verdictOfThrown(thrown, label, parts.now);
    }
  }

  return {
    label,
    async deliver({ event }, signal) {
      try {
        const body = encodeStructured(event);
        return await bounds.run(signal, (inner) => invoke(body, inner));
      } catch (error) {
        return encodingFailed(error);
      }
    },
    async close() {
      bounds.close();
      client.destroy();
    },
  };
}
