// How many prefixes of wildcards one value can keep alive at once: what a matcher that reads values unit by unit has to
// carry along, and so event-ruler's measure of complexity. A prefix is a wildcard cut off behind a character or a star:
// `*a*` has `*`, `*a` and `*a*`. It is alive while it matches what was read. Counted in UTF-16 units.
// The sets of prefixes alive are too many to walk. They need not be walked, for a star once alive stays so: the worst
// value ends within the literal head of a wildcard, or it passes heads, then brings all stars behind them to life, and
// ends with what most of the parts between stars begin with. Each such end is measured, unless its bound is too low.

import type { Wildcard } from '../match/wildcard.ts';

export interface WorstValue {
  /** So many prefixes `value` keeps alive, at least. */
  readonly score: number;
  /** No value keeps more alive. Else the work was cut off, and all that is known is that none has more than `atMost`. */
  readonly isExact: boolean;
  readonly atMost: number;
  readonly value: string;
  /** What each wildcard adds to the score, in the order given. */
  readonly alive: readonly number[];
  /** The work that was done, in units looked at. */
  readonly steps: number;
}

/** A literal part behind a star. */
interface Part {
  readonly text: string;
  /** Of the first n units: the length of the longest shorter beginning of the part that they end with. */
  readonly shorter: Int32Array;
  /** Of the first n units: how many beginnings of the part they end with, they themselves too. */
  readonly nested: Int32Array;
}

interface Piece {
  readonly order: number;
  readonly head: string;
  /** One for each star. */
  readonly parts: readonly Part[];
  /** More is never alive behind the head. */
  readonly atMost: number;
}

/** Wildcards whose heads a value has passed, the longest heads first. */
interface Passed {
  readonly pieces: readonly Piece[];
  readonly before: Passed | undefined;
  readonly atMost: number;
}

interface Candidate {
  /** No value of this kind keeps more alive. */
  readonly bound: number;
  readonly head: string;
  readonly passed: Passed | undefined;
  /** Values that end within the head, behind `from`: so many heads begin so, and of so many it is the end. */
  readonly within?: { readonly from: number; readonly open: number; readonly ended: number };
}

interface Measured {
  readonly score: number;
  /** What the value ends with, behind all that brings the stars to life; of a value within a head, all of it. */
  readonly text: string;
  readonly steps: number;
  /** Nothing was left out for want of steps. */
  readonly isWhole: boolean;
}

/** How far the part's beginnings fit the text so far, one unit on. Knuth, Morris, Pratt. */
function next({ text, shorter }: Pick<Part, 'text' | 'shorter'>, fits: number, unit: number): number {
  let at = fits;
  while (at > 0 && text.charCodeAt(at) !== unit) at = shorter[at]!;
  return text.charCodeAt(at) === unit ? at + 1 : 0;
}

function partOf(text: string): Part {
  const shorter = new Int32Array(text.length + 1);
  const nested = new Int32Array(text.length + 1);
  for (let n = 1; n <= text.length; n++) {
    if (n > 1) shorter[n] = next({ text, shorter }, shorter[n - 1]!, text.charCodeAt(n - 1));
    nested[n] = 1 + nested[shorter[n]!]!;
  }
  return { text, shorter, nested };
}

function pieceOf({ parts: [head = '', ...texts] }: Wildcard, order: number): Piece {
  const parts = texts.map(partOf);
  const atMost = parts.reduce((sum, { nested }) => sum + nested.reduce((a, b) => Math.max(a, b), 0), parts.length);
  return { order, head, parts, atMost };
}

function* piecesOf(passed: Passed | undefined): Generator<Piece> {
  for (let at = passed; at !== undefined; at = at.before) yield* at.pieces;
}

function sharedLength(a: string, b: string, from: number): number {
  let length = from;
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

interface Range {
  readonly low: number;
  readonly high: number;
  /** So many units of the heads are the same. */
  readonly from: number;
  readonly passed: Passed | undefined;
}

/** The ranges of one next unit. */
function rangesOf(sorted: readonly Piece[], { low, high, from, passed }: Range): readonly Range[] {
  const ranges: Range[] = [];
  for (let start = low, end = low; start < high; start = end) {
    const unit = sorted[start]!.head.charCodeAt(from);
    while (end < high && sorted[end]!.head.charCodeAt(from) === unit) end++;
    ranges.push({ low: start, high: end, from, passed });
  }
  return ranges;
}

/** The tree of heads: a candidate for each stretch on which the same heads are open, and one beyond each longest head. */
function candidatesOf(pieces: readonly Piece[]): readonly Candidate[] {
  const sorted = pieces.toSorted((a, b) => (a.head < b.head ? -1 : Number(a.head > b.head)));
  const candidates: Candidate[] = [];
  const ranges: Range[] = [{ low: 0, high: sorted.length, from: 0, passed: undefined }];
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const { low, high, from, passed } = range;
    if (low === high) continue;
    const shared = sharedLength(sorted[low]!.head, sorted[high - 1]!.head, from);
    const head = sorted[low]!.head.slice(0, shared);
    let rest = low;
    while (rest < high && sorted[rest]!.head.length === shared) rest++;
    const ended = sorted.slice(low, rest).filter(({ parts }) => parts.length > 0);
    const before = passed?.atMost ?? 0;
    const within = { from, open: high - low, ended: ended.length };
    if (shared > from) candidates.push({ bound: within.open + within.ended + before, head, passed, within });
    const atMost = ended.reduce((sum, piece) => sum + piece.atMost, before);
    const beyond = ended.length === 0 ? passed : { pieces: ended, before: passed, atMost };
    if (rest === high) candidates.push({ bound: atMost, head, passed: beyond });
    else ranges.push(...rangesOf(sorted, { low: rest, high, from: shared, passed: beyond }));
  }
  return candidates.sort((a, b) => b.bound - a.bound);
}

/** Adds to `counts[n]` what the first n units of the text keep alive of a wildcard whose head is shorter. */
function follow({ head, parts }: Piece, text: string, counts: Int32Array): void {
  const fits = new Int32Array(parts.length);
  let stars = 1;
  for (let at = head.length; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    let alive = 0;
    // From the last star on: one that comes to life here begins with the next unit.
    for (let i = stars - 1; i >= 0; i--) {
      const part = parts[i]!;
      const fit = next(part, fits[i]!, unit);
      fits[i] = fit;
      alive += part.nested[fit]!;
      if (fit === part.text.length && i + 1 === stars && stars < parts.length) stars++;
    }
    counts[at + 1]! += stars + alive;
  }
}

function measureWithin({ head, passed, within }: Candidate, maxSteps: number): Measured {
  const { from, open, ended } = within!;
  const counts = new Int32Array(head.length + 1).fill(open, from + 1);
  counts[head.length]! += ended;
  let steps = head.length - from;
  let isWhole = true;
  for (const piece of piecesOf(passed)) {
    const work = (head.length - piece.head.length) * piece.parts.length;
    isWhole &&= steps + work <= maxSteps;
    if (!isWhole) break;
    steps += work;
    follow(piece, head, counts);
  }
  let length = from + 1;
  for (let n = length; n <= head.length; n++) if (counts[n]! > counts[length]!) length = n;
  return { score: counts[length]!, text: head.slice(0, length), steps, isWhole };
}

/** A beginning of a part, one of many in a tree: Aho, Corasick. */
interface Beginning {
  readonly text: string;
  readonly length: number;
  readonly parent: number;
  /** Parts that begin so. */
  count: number;
  /** The longest shorter beginning that this one ends with. */
  shorter: number;
  /** Parts that begin with any of the ends of this one. */
  total: number;
}

interface Tree {
  readonly nodes: Beginning[];
  readonly edges: Map<number, number>;
}

function edgeOf(node: number, unit: number): number {
  return node * 65_536 + unit;
}

function plant({ nodes, edges }: Tree, text: string, count: number): void {
  for (let node = 0, at = 0; at < text.length; at++) {
    const edge = edgeOf(node, text.charCodeAt(at));
    let child = edges.get(edge);
    if (child === undefined) {
      child = nodes.push({ text, length: at + 1, parent: node, count: 0, shorter: 0, total: 0 }) - 1;
      edges.set(edge, child);
    }
    nodes[child]!.count += count;
    node = child;
  }
}

/** From short to long, what each beginning ends with; the one with the most. */
function mostEnds({ nodes, edges }: Tree): Beginning {
  const root = nodes[0]!;
  let most = root;
  for (const node of nodes.slice(1).sort((a, b) => a.length - b.length)) {
    const unit = node.text.charCodeAt(node.length - 1);
    let at = node.parent;
    while (at !== 0 && node.shorter === 0) {
      at = nodes[at]!.shorter;
      node.shorter = edges.get(edgeOf(at, unit)) ?? 0;
    }
    node.total = node.count + nodes[node.shorter]!.total;
    if (node.total > most.total) most = node;
  }
  return most;
}

function measureBeyond({ passed }: Candidate, maxSteps: number): Measured {
  const counts = new Map<string, number>();
  let stars = 0;
  for (const { parts } of piecesOf(passed)) {
    stars += parts.length;
    for (const { text } of parts) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const tree: Tree = { nodes: [{ text: '', length: 0, parent: 0, count: 0, shorter: 0, total: 0 }], edges: new Map() };
  let planted = 0;
  let isWhole = true;
  for (const [text, count] of counts) {
    isWhole &&= planted + text.length <= maxSteps;
    const most = text.slice(0, Math.max(0, maxSteps - planted));
    planted += most.length;
    plant(tree, most, count);
    if (!isWhole) break;
  }
  const { text, length, total } = mostEnds(tree);
  return { score: stars + total, text: text.slice(0, length), steps: stars + planted, isWhole };
}

/** How many beginnings of a part the text ends with. */
function endsOf(part: Part, text: string): number {
  let fit = 0;
  for (let at = Math.max(0, text.length - part.text.length); at < text.length; at++) {
    fit = next(part, fit, text.charCodeAt(at));
  }
  return part.nested[fit]!;
}

/** What the wildcards add where the value is the text, within a head. */
function aliveWithin({ passed }: Candidate, pieces: readonly Piece[], text: string): number[] {
  const alive = pieces.map(({ head, parts }): number => {
    if (!head.startsWith(text)) return 0;
    return head.length === text.length && parts.length > 0 ? 2 : 1;
  });
  const counts = new Int32Array(text.length + 1);
  for (const piece of piecesOf(passed)) {
    counts[text.length] = 0;
    follow(piece, text, counts);
    alive[piece.order] = counts[text.length]!;
  }
  return alive;
}

function aliveBeyond({ passed }: Candidate, pieces: readonly Piece[], text: string): number[] {
  const alive = pieces.map(() => 0);
  for (const { order, parts } of piecesOf(passed)) {
    alive[order] = parts.reduce((sum, part) => sum + endsOf(part, text), parts.length);
  }
  return alive;
}

function valueWith({ head, passed, within }: Candidate, text: string): string {
  if (within !== undefined) return text;
  const parts = [...piecesOf(passed)].flatMap((piece) => piece.parts.map((part) => part.text));
  return `${head}${parts.join('')}${text}`;
}

/** First what goes beyond the heads: no work to speak of, and hardly ever is anything worse. */
function inOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  const first = candidates.findIndex(({ within, bound }) => within === undefined && bound > 0);
  return first < 1 ? candidates : [candidates[first]!, ...candidates.toSpliced(first, 1)];
}

/** Of different wildcards, as each counts. Never throws; past `maxSteps` it ends with what it has. */
export function worstValue(wildcards: readonly Wildcard[], maxSteps: number): WorstValue {
  const pieces = wildcards.map(pieceOf);
  const candidates = inOrder(candidatesOf(pieces));
  let best: { readonly candidate: Candidate; readonly measured: Measured } | undefined;
  let left = 0;
  let steps = 0;
  for (const [i, candidate] of candidates.entries()) {
    if (candidate.bound <= (best?.measured.score ?? 0)) break;
    const measure = candidate.within === undefined ? measureBeyond : measureWithin;
    const measured = measure(candidate, maxSteps - steps);
    steps += measured.steps;
    if (measured.score > (best?.measured.score ?? 0)) best = { candidate, measured };
    if (measured.isWhole) continue;
    left = candidates.slice(i).reduce((most, { bound }) => Math.max(most, bound), 0);
    break;
  }
  if (best === undefined) return { score: 0, isExact: true, atMost: 0, value: '', alive: pieces.map(() => 0), steps };
  const { candidate, measured } = best;
  const aliveIn = candidate.within === undefined ? aliveBeyond : aliveWithin;
  const alive = aliveIn(candidate, pieces, measured.text);
  const score = alive.reduce((sum, count) => sum + count, 0);
  const atMost = Math.max(score, left);
  return { score, isExact: atMost === score, atMost, value: valueWith(candidate, measured.text), alive, steps };
}
