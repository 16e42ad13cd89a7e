// Sub-rules as rows of integers, filed under places. A place is reached when the event has a certain value; its rows are
// candidates. A row is filed under its rarest value, and where even that is common, under a pair of values: a place then
// splits by a second field. So the cost of an event hangs on what is near to matching it, not on how many rules there are.
// The rows of a place lie one after the other: looking at them is one walk through memory.

/** A clause of a row: value `want` (> 0) at `slot`, or the leaf ~want (< 0). */
export interface Clause {
  readonly slot: number;
  readonly want: number;
}

export interface Split {
  readonly slot: number;
  readonly byValue: Map<number, Place>;
}

export interface Place {
  readonly id: number;
  /** The place it was split from, and by which value. */
  readonly parent: Place | undefined;
  readonly by: Clause | undefined;
  /** Row after row: its number, its rule, how many clauses, then slot and want of each. */
  readonly code: number[];
  /** Rows here. */
  count: number;
  /** Rows here and below. */
  size: number;
  splits: Split[] | undefined;
  /** Whether being reached means that the clause holds by which its rows were filed. */
  readonly implies: boolean;
  /** The leaf that is true whenever this place is reached, or -1. */
  leaf: number;
  /** Called when the last row is gone. */
  readonly onEmpty: (() => void) | undefined;
}

export interface Rows {
  count: number;
  readonly free: number[];
  /** By row: where it is filed. */
  readonly filed: (readonly Place[])[];
  places: number;
  readonly freePlaces: number[];
}

/** Offsets in a row's code. */
export const RULE = 1;
export const CLAUSES = 2;
export const HEAD = 3;
// A place with more rows is split where that is possible; look-ups cost about as much as looking at some rows.
const MOST_ROWS = 16;

export function createRows(): Rows {
  return { count: 0, free: [], filed: [], places: 0, freePlaces: [] };
}

/** A place that is reached whatever the values are. */
export function openPlace(rows: Rows): Place {
  return { ...newPlace(rows), parent: undefined, by: undefined, implies: false, onEmpty: undefined };
}

/** A place that is reached by a value or a test. */
export function createPlace(rows: Rows, onEmpty?: () => void): Place {
  return { ...newPlace(rows), parent: undefined, by: undefined, implies: true, onEmpty };
}

function newPlace(rows: Rows) {
  const id = rows.freePlaces.pop() ?? rows.places++;
  return { id, code: [], count: 0, size: 0, splits: undefined, leaf: -1 };
}

function childOf(rows: Rows, place: Place, { slot, want }: Clause): Place {
  place.splits ??= [];
  let split = place.splits.find((one) => one.slot === slot);
  if (split === undefined) {
    split = { slot, byValue: new Map() };
    place.splits.push(split);
  }
  let child = split.byValue.get(want);
  if (child === undefined) {
    child = { ...newPlace(rows), parent: place, by: { slot, want }, implies: false, onEmpty: undefined };
    split.byValue.set(want, child);
  }
  return child;
}

function sizeBelow(place: Place, { slot, want }: Clause): number {
  return place.splits?.find((split) => split.slot === slot)?.byValue.get(want)?.size ?? 0;
}

/** The place for a row that also has the values `others`: here, or below where here is full. */
function placeFor(rows: Rows, place: Place, others: readonly Clause[]): Place {
  let here = place;
  let left = others;
  while (here.count >= MOST_ROWS && left.length > 0) {
    const parent = here;
    const best = left.reduce((a, b) => (sizeBelow(parent, b) < sizeBelow(parent, a) ? b : a));
    here = childOf(rows, parent, best);
    left = left.filter((clause) => clause !== best);
  }
  return here;
}

/** What a row would cost at a place: the rows that come with it. */
export function crowdAt(place: Place | undefined, others: number): number {
  if (place === undefined) return 0;
  return others > 0 ? Math.min(place.size, MOST_ROWS) : place.size;
}

export interface Filing {
  readonly rule: number;
  readonly clauses: readonly Clause[];
  /** Each of these leads to the row. */
  readonly under: readonly Place[];
  /** Values of the row that a crowded place may split by. */
  readonly others: readonly Clause[];
}

/** Files a new row; the answer names it. */
export function fileRow(rows: Rows, { rule, clauses, under, others }: Filing): number {
  const row = rows.free.pop() ?? rows.count++;
  const places = [...new Set(under)].map((place) => placeFor(rows, place, others));
  for (const place of places) {
    place.code.push(row, rule, clauses.length);
    for (const { slot, want } of clauses) place.code.push(slot, want);
    place.count++;
    for (let up: Place | undefined = place; up !== undefined; up = up.parent) up.size++;
  }
  rows.filed[row] = places;
  return row;
}

function offsetOf({ code }: Place, row: number): number {
  let at = 0;
  while (code[at] !== row) at += HEAD + 2 * code[at + CLAUSES]!;
  return at;
}

/** The clauses of a row, as they were given. */
export function clausesOf(rows: Rows, row: number): readonly Clause[] {
  const place = rows.filed[row]![0]!;
  const { code } = place;
  const at = offsetOf(place, row);
  return Array.from({ length: code[at + CLAUSES]! }, (_, i) => ({
    slot: code[at + HEAD + 2 * i]!,
    want: code[at + HEAD + 2 * i + 1]!,
  }));
}

function dropEmpty(rows: Rows, place: Place): void {
  let here = place;
  for (; here.size === 0 && here.parent !== undefined; here = here.parent) {
    const { parent, by } = here;
    rows.freePlaces.push(here.id);
    for (const split of parent.splits ?? []) if (split.slot === by?.slot) split.byValue.delete(by.want);
    parent.splits = parent.splits?.filter((split) => split.byValue.size > 0);
    if (parent.splits?.length === 0) parent.splits = undefined;
  }
  if (here.size === 0) here.onEmpty?.();
}

/** A place that nothing leads to any more. */
export function releasePlace(rows: Rows, place: Place): void {
  rows.freePlaces.push(place.id);
}

/** Takes a row out of every place. */
export function dropRow(rows: Rows, row: number): void {
  for (const place of rows.filed[row]!) {
    const at = offsetOf(place, row);
    place.code.splice(at, HEAD + 2 * place.code[at + CLAUSES]!);
    place.count--;
    for (let up: Place | undefined = place; up !== undefined; up = up.parent) up.size--;
    dropEmpty(rows, place);
  }
  rows.filed[row] = [];
  rows.free.push(row);
}
