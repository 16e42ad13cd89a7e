// Target kind `log`: one line of JSON per event, the structured CloudEvent. For development and for a look at what flows.

import type { Options } from '../../router/config.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import type { Target, TargetParts } from './target.ts';
import { ACK, encodingFailed } from './verdict.ts';

export async function open(_options: Options, parts: TargetParts): Promise<Target> {
  let closed = false;
  return {
    label: 'log',
    async deliver({ event }, signal) {
      if (closed) return { kind: 'retry', code: 'CLOSED', reason: 'log: this target was closed' };
      if (signal.aborted) return { kind: 'retry', code: 'ABORTED', reason: 'log: the delivery was given up' };
      try {
        // Data is carried as it came, so it may hold line ends; in valid JSON those are only space between tokens.
        parts.print(
          encodeStructured(event)
            .toString('utf8')
            .replace(/[\r\n]+/g, ' '),
        );
        return ACK;
      } catch (error) {
        return encodingFailed(error);
      }
    },
    async close() {
      closed = true;
    },
  };
}
