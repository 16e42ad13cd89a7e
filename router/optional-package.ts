// Packages that only some uses need: a cloud's SDK, the CDK, the test library of the suites. They are optional peers in
// package.json (test/package.test.ts holds the two lists together); whoever needs one that is missing is told the command.

import { RouterError } from './errors.ts';

/** Package → the version that `npm install` is told. */
export const optionalPackages = {
  '@aws-sdk/client-eventbridge': '3',
  '@aws-sdk/client-lambda': '3',
  '@google-cloud/pubsub': '6.3.0',
  '@platformatic/kafka': '2',
  'aws-cdk-lib': '2',
  constructs: '10',
  esbuild: '0.28',
  'fast-check': '4',
} as const;

export type OptionalPackage = keyof typeof optionalPackages;

/** UNSUPPORTED, with the command that installs what is missing. `who`: 'eventbridge: the bus', "kafka: client 'x'". */
export function missingPackage(
  who: string,
  names: OptionalPackage | readonly OptionalPackage[],
  cause: unknown,
): RouterError {
  const all = [names].flat();
  const needs = `${who} needs the package${all.length === 1 ? '' : 's'} ${all.join(', ')}`;
  const command = `npm install ${all.map((name) => `${name}@${optionalPackages[name]}`).join(' ')}`;
  return new RouterError('UNSUPPORTED', `${needs}, which cannot be loaded; install it with: ${command}`, { cause });
}
