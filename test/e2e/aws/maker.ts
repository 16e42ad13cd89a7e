// What makes one type of resource: the properties it uses, and those it leaves out with the reason. Any other is an error, so
// that nothing of a stack is passed over unseen.

import type { AwsCalls } from './calls.ts';

export type Properties = Readonly<Record<string, unknown>>;

/** What stands for a resource once it is there. */
export interface Made {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface MakeParts {
  readonly calls: AwsCalls;
  readonly region: string;
  readonly account: string;
  /** Of a resource that its template does not name. */
  readonly name: string;
  /** The ZIP archive of an asset, by the key that the template gives it. */
  readonly assetOf: (key: string) => Buffer;
  /** What the environment of every function gets besides: where the services are. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Maker {
  readonly uses: readonly string[];
  /** Property -> why it is left out. */
  readonly leaves: Readonly<Record<string, string>>;
  make(properties: Properties, parts: MakeParts): Promise<Made>;
}

export const LABELS = 'labels change nothing';

export const textAt = (properties: Properties, name: string): string => String(properties[name]);
/** CloudFormation's names are the API's, but for the few that a maker takes out. */
export const given = (properties: Properties, names: readonly string[]): Properties =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));
