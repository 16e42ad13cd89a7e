// What a rule becomes on EventBridge, for plan and for `busway filter`. Pure.

import type { Options } from '../../router/config.ts';
import { compilePattern } from '../../router/matcher.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import type { BusFilter } from '../bus-filter.ts';
import { compileFilter } from './filter.ts';
import { toEventBridgeOptions } from './options.ts';

export function busFilter(options: Options, uriPrefix?: string): BusFilter {
  const limits = { maxPattern: toEventBridgeOptions(options).maxPattern, uriPrefix };
  return {
    compile: (when) => compileFilter(when, limits),
    passes(when) {
      const { native } = compileFilter(when, limits);
      // The detail is the event in its JSON form, and the bus has our own language.
      return native === null ? () => true : compilePattern(readPatternText(JSON.stringify(native.detail)));
    },
  };
}
