// Sub-rules as rows of integers, filed under places. A place is reached when the event has a certain value; its rows are
// candidates. A row is filed under its rarest value, and where even that is common, under a pair of values: a place then
// splits by a second field. So the cost of an event hangs on what is near to matching it, not on how many rules there are.

import { withRoom } from './growing.ts';

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
  readonly rows: number[];
  /** Rows here and below. */
  size: number;
  splits: Split[] | undefined;
  /** Called when the last row is gone. */
  readonly onEmpty: (() => void) | undefined;
}

export interface Rows {
  /** Rows one after the other: rule, number of clauses, then slot and want of each. */
  code: Int32Array;
  codeEnd: number;
  /** By row: where it begins in `code`; -1 when the row is free. */
  start: Int32Array;
  count: number;
  readonly free: number[];
  /** Integers of `code` that belong to no row any more. */
  wasted: number;
  /** By row: where it is filed. */
  readonly filed: (readonly Place[])[];
  places: number;
  readonly freePlaces: number[];
}

export const HEAD = 2;
// A place with more rows is split where that is possible; look-ups cost about as much as looking at some rows.
const MOST_ROWS = 16;

export function createRows(): Rows {
  return {
    code: new Int32Array(64),
    codeEnd: 0,
    start: new Int32Array(16),
    count: 0,
    free: [],
    wasted: 0,
    filed: [],
    places: 0,
    freePlaces: [],
  };
}

export function createPlace(rows: Rows, onEmpty?: () => void): Place {
  return { ...newPlace(rows), parent: undefined, by: undefined, onEmpty };
}

function newPlace(rows: Rows) {
  const id = rows.freePlaces.pop() ?? rows.places++;
  return { id, rows: [], size: 0, splits: undefined };
}

/** A new row; it is not filed yet. */
export function createRow(rows: Rows, rule: number, clauses: readonly Clause[]): number {
  const row = rows.free.pop() ?? rows.count++;
  rows.start = withRoom(rows.start, row + 1);
  const at = rows.codeEnd;
  rows.codeEnd += HEAD + 2 * clauses.length;
  rows.code = withRoom(rows.code, rows.codeEnd);
  const { code } = rows;
  rows.start[row] = at;
  code[at] = rule;
  code[at + 1] = clauses.length;
  for (const [i, { slot, want }] of clauses.entries()) {
    code[at + HEAD + 2 * i] = slot;
    code[at + HEAD + 2 * i + 1] = want;
  }
  return row;
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
    child = { ...newPlace(rows), parent: place, by: { slot, want }, onEmpty: undefined };
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
  while (here.rows.length >= MOST_ROWS && left.length > 0) {
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

/** Files a row under each of `under`; `others` are its values that a crowded place may split by. */
export function fileRow(
  rows: Rows,
  row: number,
  { under, others }: { under: readonly Place[]; others: readonly Clause[] },
) {
  const places = [...new Set(under)].map((place) => placeFor(rows, place, others));
  for (const place of places) {
    place.rows.push(row);
    for (let up: Place | undefined = place; up !== undefined; up = up.parent) up.size++;
  }
  rows.filed[row] = places;
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

function compact(rows: Rows): void {
  const code = new Int32Array(Math.max(64, rows.codeEnd - rows.wasted));
  let end = 0;
  for (let row = 0; row < rows.count; row++) {
    const at = rows.start[row]!;
    if (at === -1) continue;
    const length = HEAD + 2 * rows.code[at + 1]!;
    code.set(rows.code.subarray(at, at + length), end);
    rows.start[row] = end;
    end += length;
  }
  rows.code = code;
  rows.codeEnd = end;
  rows.wasted = 0;
}

/** The clauses of a row, as they were given. */
export function clausesOf({ code, start }: Rows, row: number): readonly Clause[] {
  const at = start[row]!;
  return Array.from({ length: code[at + 1]! }, (_, i) => ({
    slot: code[at + HEAD + 2 * i]!,
    want: code[at + HEAD + 2 * i + 1]!,
  }));
}

/** Takes a row out of every place. */
export function dropRow(rows: Rows, row: number): void {
  const places = rows.filed[row]!;
  for (const place of places) {
    const at = place.rows.indexOf(row);
    place.rows[at] = place.rows.at(-1)!;
    place.rows.pop();
    for (let up: Place | undefined = place; up !== undefined; up = up.parent) up.size--;
    dropEmpty(rows, place);
  }
  rows.filed[row] = [];
  rows.wasted += HEAD + 2 * rows.code[rows.start[row]! + 1]!;
  rows.start[row] = -1;
  rows.free.push(row);
  if (rows.wasted > 4096 && rows.wasted > rows.codeEnd / 2) compact(rows);
}
