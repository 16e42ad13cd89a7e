// Every kind of target: what it is, its options, and where its implementation is. Pure: nothing is opened here, so plan,
// CLI and documentation know every option without loading an SDK or a socket. A new kind is one file and one line here.

import type { Kind, Options } from '../../router/config.ts';
import { fnOptions, httpOptions, logOptions, slackOptions } from './options.ts';
import type { Target, TargetParts } from './target.ts';

export interface TargetModule {
  /** Rejects with a RouterError that says what to change. Opens no connection. */
  open(options: Options, parts: TargetParts): Promise<Target>;
}

export const targets: Readonly<Record<string, Kind<TargetModule>>> = {
  http: { says: 'POST the event to a url, signed', options: httpOptions, load: () => import('./http.ts') },
  slack: { says: 'post a line of text to a Slack channel', options: slackOptions, load: () => import('./slack.ts') },
  fn: { says: 'call a function of your own', options: fnOptions, load: () => import('./fn.ts') },
  log: { says: 'print the event as a line of JSON', options: logOptions, load: () => import('./log.ts') },
};
