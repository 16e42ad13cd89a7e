// Events of about 800 bytes in the shape of a city's register of lots: nine properties and a polygon of points as objects
// in nested arrays. Names and values are our own; how often they repeat follows the counts that event-ruler's own
// benchmark asserts for its data, so that rules match as often as there.
// Source of shape and counts: aws/event-ruler, Benchmarks.java (read 2026-11-21).

import { type Random, seeded, zipf } from './random.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export interface Lot {
  readonly type: 'Feature';
  readonly properties: {
    readonly MAPBLKLOT: string;
    readonly BLKLOT: string;
    readonly BLOCK_NUM: string;
    readonly LOT_NUM: string;
    readonly FROM_ST: string;
    readonly TO_ST: string;
    readonly STREET: string | null;
    readonly ST_TYPE: string | null;
    readonly ODD_EVEN: 'O' | 'E';
  };
  readonly geometry: {
    readonly type: 'Polygon' | 'MultiPolygon';
    readonly firstCoordinates: Point;
    readonly coordinates: readonly unknown[];
  };
}

const SEED = 20_261_121;
const STREETS = 1_800;
const BLOCKS = 6_000;
const LOTS = 120;
const POPULAR_PARCELS = 4_000;
/** A corner that many lots share, as lots along one line do. */
export const LANDMARK: Point = { x: -104.98916360922355, y: 39.73990021621732, z: 0 };
/** The one parcel with a name for a number. */
export const NAMED_PARCEL = 'PARKWEST';

// [suffix, weight]
const ENDINGS: readonly (readonly [string, number])[] = [
  ['ON', 9],
  ['FORD', 14],
  ['LEY', 14],
  ['ER', 18],
  ['A', 16],
  ['ES', 10],
  ['TH', 6],
  ['ING', 1],
  ['KE', 0.5],
  ['GO', 0.4],
  ['MM', 0.05],
];
const STARTS = [
  'B',
  'BR',
  'C',
  'CH',
  'D',
  'DR',
  'F',
  'FL',
  'G',
  'H',
  'J',
  'K',
  'L',
  'M',
  'N',
  'P',
  'R',
  'S',
  'ST',
  'T',
];
const VOWELS = ['A', 'E', 'I', 'O', 'U', 'AI', 'OA'];
const MIDDLES = ['B', 'CK', 'D', 'LL', 'L', 'M', 'N', 'RR', 'RT', 'S', 'TT', 'V', 'ND', 'LM', 'RB'];
// [type, weight]; most streets are ST
const TYPES: readonly (readonly [string, number])[] = [
  ['ST', 54.6],
  ['AV', 28],
  ['WY', 4],
  ['DR', 4],
  ['BL', 3],
  ['CT', 2.4],
  ['PL', 1.5],
  ['TR', 1.2],
  ['LN', 1.3],
];

function weighted<T>(random: Random, choices: readonly (readonly [T, number])[]): T {
  let left = random.fraction() * choices.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of choices) {
    left -= weight;
    if (left < 0) return value;
  }
  return choices.at(-1)![0];
}

function streetNames(random: Random): readonly string[] {
  const names = new Set<string>();
  while (names.size < STREETS) {
    const start = random.chance(0.04) ? '' : random.pick(STARTS);
    names.add(`${start}${random.pick(VOWELS)}${random.pick(MIDDLES)}${weighted(random, ENDINGS)}`);
  }
  return [...names];
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** Draws parcel numbers: a block of four digits and a lot of three, some more popular than others. */
export function parcels(random: Random): () => string {
  const block = zipf(random, BLOCKS, 2_000);
  const lot = zipf(random, LOTS, 4);
  return () => digits(1 + block(), 4) + digits(1 + lot(), 3);
}

function around(random: Random, x: number, y: number, isShared: boolean): Point {
  if (isShared) return LANDMARK;
  return { x: x + (random.fraction() - 0.5) * 1e-3, y: y + (random.fraction() - 0.5) * 1e-3, z: 0 };
}

function geometry(random: Random): Lot['geometry'] {
  // The sum of three draws: denser in the middle than at the edges, as a city is.
  const middle = random.fraction() + random.fraction() + random.fraction() - 1.5;
  const [x, y] = [-104.99 + middle * 0.04, 39.73 + (random.fraction() - 0.5) * 0.1];
  const landmarkAt = random.chance(0.0011) ? random.below(8) : -1;
  const size = 5 + Math.floor(random.fraction() ** 2 * 13.9);
  const ring = Array.from({ length: size - 1 }, (_, at) => around(random, x, y, at === landmarkAt));
  const [first] = ring;
  const closed = [...ring, first!];
  const isMulti = random.chance(0.0006);
  return {
    type: isMulti ? 'MultiPolygon' : 'Polygon',
    firstCoordinates: first!,
    coordinates: isMulti ? [[closed], [closed.slice(0, 4)]] : [closed],
  };
}

/** The nine properties of lots without end; each seed gives other lots of the same city. */
export function* lotProperties(seed: number): Generator<Lot['properties'], never> {
  const city = seeded(SEED);
  const random = seeded(seed);
  const streets = streetNames(city);
  const popular = Array.from({ length: POPULAR_PARCELS }, parcels(city));
  const parcel = parcels(random);
  const [street, whichPopular] = [zipf(random, STREETS, 14), zipf(random, POPULAR_PARCELS, 6)];
  const house = zipf(random, 900, 12);
  for (let n = 0; ; n++) {
    const own = parcel();
    const map = random.chance(0.2) ? popular[whichPopular()]! : own;
    const from = house() * 3 + 1;
    const isUnknown = random.chance(0.004);
    yield {
      MAPBLKLOT: n % 50_000 === 777 ? NAMED_PARCEL : map,
      BLKLOT: own,
      BLOCK_NUM: own.slice(0, 4),
      LOT_NUM: own.slice(4),
      FROM_ST: String(from),
      TO_ST: String(from + 2 * random.below(3)),
      STREET: isUnknown ? null : streets[street()]!,
      ST_TYPE: isUnknown || random.chance(0.01) ? null : weighted(random, TYPES),
      ODD_EVEN: from % 2 === 1 ? 'O' : 'E',
    };
  }
}

/** The first lots, always the same. */
export function lots(count: number): readonly Lot[] {
  const random = seeded(SEED + 1);
  const properties = lotProperties(SEED + 2);
  return Array.from({ length: count }, () => ({
    type: 'Feature',
    properties: properties.next().value,
    geometry: geometry(random),
  }));
}
