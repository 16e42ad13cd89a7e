// What a million events are like: measured over recorded ones, else assumed and said so. Pure, and bounded whatever comes.

import type { CloudEvent } from '../../router/event.ts';
import { filtersIn } from './buses/eventgrid.ts';
import type { BusFilter, CompiledRule } from './compiled-rule.ts';
import type { Load, RuleLoad } from './cost.ts';

/** A kind of bus, and what it makes of the rules. */
export interface BusRules {
  readonly filter: BusFilter;
  readonly rules: readonly CompiledRule[];
}

/** Where nothing is recorded. */
export const assumedLoad = { bytes: 2_048, attributeBytes: 300, share: 0.1, batch: 1 } as const;

// To ask a filter about an event takes microseconds; so many for each bus take a second or two.
const MAX_ASKED = 200_000;

interface Tally {
  readonly rule: CompiledRule;
  /** Undefined where what is delivered is what matches, or everything. */
  readonly passes: ((event: CloudEvent) => boolean) | undefined;
  delivered: number;
}

interface BusTally {
  readonly filters: boolean;
  readonly tallies: readonly Tally[];
  /** Those whose filters have to be asked. */
  readonly wider: readonly Tally[];
  /** Events that they were asked about. */
  asked: number;
}

export interface LoadMeter {
  /** `matched`: the names of the rules that take the event. */
  take(event: CloudEvent, bytes: number, matched: readonly string[]): void;
  /** Kind of bus → its load; the assumed one where there was no event. */
  result(): ReadonlyMap<string, Load>;
}

function tallyOf(rule: CompiledRule, { passes }: BusFilter): Tally {
  return { rule, passes: rule.split.kind === 'wider' ? passes?.(rule.rule.when) : undefined, delivered: 0 };
}

function attributeBytesOf({ attributes }: CloudEvent): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(attributes)) {
    // With the three of 'ce-'.
    if (value !== undefined) bytes += name.length + 3 + Buffer.byteLength(String(value));
  }
  return bytes;
}

function assumed({ filter, rules }: BusRules): Load {
  const { bytes, attributeBytes, share, batch } = assumedLoad;
  const delivered = ({ split }: CompiledRule): number =>
    filter.passes !== undefined && split.kind === 'none' ? 1 : share;
  return {
    sizes: new Map([[bytes, 1]]),
    attributeBytes,
    batch,
    rules: rules.map((rule): RuleLoad => ({ delivered: delivered(rule), advanced: isAdvanced(rule) })),
  };
}

function isAdvanced({ split: { native } }: CompiledRule): boolean {
  return filtersIn(native).length > 0;
}

export function measureLoad(buses: ReadonlyMap<string, BusRules>): LoadMeter {
  const sizes = new Map<number, number>();
  let [events, attributeBytes] = [0, 0];
  const matches = new Map<string, number>();
  const tallies = new Map(
    [...buses].map(([kind, { filter, rules }]): [string, BusTally] => {
      const ofRules = rules.map((rule) => tallyOf(rule, filter));
      const wider = ofRules.filter(({ passes }) => passes !== undefined);
      return [kind, { filters: filter.passes !== undefined, tallies: ofRules, wider, asked: 0 }];
    }),
  );

  function ask(bus: BusTally, event: CloudEvent): void {
    if (bus.wider.length === 0 || bus.asked * bus.wider.length >= MAX_ASKED) return;
    bus.asked++;
    for (const tally of bus.wider) if (tally.passes!(event)) tally.delivered++;
  }

  function deliveredOf({ rule, passes, delivered }: Tally, { filters, asked }: BusTally): number {
    if (passes !== undefined) return asked === 0 ? 0 : delivered / asked;
    return filters && rule.split.kind === 'none' ? 1 : (matches.get(rule.rule.name) ?? 0) / events;
  }

  return {
    take(event, bytes, matched) {
      events++;
      sizes.set(bytes, (sizes.get(bytes) ?? 0) + 1);
      attributeBytes += attributeBytesOf(event);
      for (const name of matched) matches.set(name, (matches.get(name) ?? 0) + 1);
      for (const bus of tallies.values()) ask(bus, event);
    },
    result() {
      if (events === 0) return new Map([...buses].map(([kind, bus]) => [kind, assumed(bus)]));
      return new Map(
        [...tallies].map(([kind, bus]): [string, Load] => {
          const rules = bus.tallies.map((tally) => ({
            delivered: deliveredOf(tally, bus),
            advanced: isAdvanced(tally.rule),
          }));
          return [kind, { sizes, attributeBytes: attributeBytes / events, batch: assumedLoad.batch, rules }];
        }),
      );
    },
  };
}
