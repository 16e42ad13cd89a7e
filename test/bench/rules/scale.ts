// Rule sets of one kind in growing numbers: a bus by source, type and tenant, three exact fields, one exact field, and
// wildcards around a literal. Rules of a smaller set are the first of the larger one.

import { lotProperties, parcels } from './lots.ts';
import { seeded } from './random.ts';
import { type Rule, ruleOf } from './rule.ts';

const SEED = 815;

/** Street, type and number of lots: a rule for each lot, so what is popular in events is popular in rules. */
export function threeFieldRules(count: number): readonly Rule[] {
  const found = lotProperties(SEED).take(count).toArray();
  return found.map(({ STREET, ST_TYPE, LOT_NUM }, at) =>
    ruleOf(at, { properties: { STREET: [STREET], ST_TYPE: [ST_TYPE], LOT_NUM: [LOT_NUM] } }),
  );
}

/** Parcels, none twice. */
export function oneFieldRules(count: number): readonly Rule[] {
  const parcel = parcels(seeded(SEED + 1));
  const values = new Set<string>();
  while (values.size < count) values.add(parcel());
  return [...values].map((value, at) => ruleOf(at, { properties: { MAPBLKLOT: [value] } }));
}

/** Wildcards around parts of parcel numbers: three or four digits, none twice. */
export function aroundRules(count: number): readonly Rule[] {
  const random = seeded(SEED + 2);
  const parcel = parcels(random);
  const parts = new Set<string>();
  while (parts.size < count) {
    const length = 3 + random.below(2);
    const from = random.below(7 - length + 1);
    parts.add(parcel().slice(from, from + length));
  }
  return [...parts].map((part, at) => ruleOf(at, { properties: { MAPBLKLOT: [{ wildcard: `*${part}*` }] } }));
}
