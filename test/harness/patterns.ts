// Random patterns and events that are near to each other: few names, few values, so that much matches and much nearly.

/** A random integer below n. */
export type Below = (n: number) => number;

const names = ['a', 'b', 'c', 'items', 'a.b', 'data'];
const texts = ['', 'x', 'X', 'xy', 'yx', 'xyx', 'ß', 'SS', '10.0.0.1', '10.0.0.01', '10.0.0.9', '::1', 'é', 'a*b'];
const numbers = ['0', '-0', '1', '1.0', '2', '10e-1', '3.5', '9007199254740993', '9007199254740992', '1e400'];
const words = ['true', 'false', 'null'];

function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)]!;
}

function textOf(below: Below): string {
  return JSON.stringify(pick(below, texts));
}

function scalarOf(below: Below): string {
  const kind = below(10);
  if (kind < 6) return textOf(below);
  return kind < 9 ? pick(below, numbers) : pick(below, words);
}

function listOf(below: Below, most: number, item: () => string): string {
  return `[${Array.from({ length: 1 + below(most) }, item).join(',')}]`;
}

function finite(below: Below): string {
  return pick(below, ['0', '1', '2', '3.5', '-1']);
}

const operators: readonly ((below: Below) => string)[] = [
  (below) => `{"prefix":${textOf(below)}}`,
  (below) => `{"suffix":${textOf(below)}}`,
  (below) => `{"prefix":{"equals-ignore-case":${textOf(below)}}}`,
  (below) => `{"suffix":{"equals-ignore-case":${textOf(below)}}}`,
  (below) => `{"equals-ignore-case":${textOf(below)}}`,
  (below) => `{"wildcard":"${pick(below, ['*', 'x*', '*x', '*y*', 'x*x', '', 'x', '*x*y*'])}"}`,
  (below) => `{"cidr":"${pick(below, ['10.0.0.0/24', '10.0.0.8/29', '0.0.0.0/0', '::/8'])}"}`,
  (below) => `{"numeric":["${pick(below, ['=', '<', '<=', '>', '>='])}",${finite(below)}]}`,
  () => '{"numeric":[">=",0,"<",2]}',
  (below) => `{"exists":${below(2) === 0}}`,
  (below) => `{"exists":${below(2) === 0}}`,
  (below) => `{"exactly":${textOf(below)}}`,
  (below) => `{"anything-but":${listOf(below, 2, () => textOf(below))}}`,
  (below) => `{"anything-but":${listOf(below, 2, () => finite(below))}}`,
  (below) => `{"anything-but":{"prefix":"${pick(below, ['x', 'y', '1'])}"}}`,
  () => '{"anything-but":{"suffix":["x","SS"]}}',
  (below) => `{"anything-but":{"equals-ignore-case":${textOf(below)}}}`,
  (below) => `{"anything-but":{"wildcard":"${pick(below, ['*', 'x*', '*y'])}"}}`,
];

function leafOf(below: Below): string {
  return listOf(below, 3, () => (below(2) === 0 ? scalarOf(below) : pick(below, operators)(below)));
}

/** The JSON text of a valid pattern. */
export function randomPattern(below: Below, depth = 0): string {
  const members: string[] = [];
  const used = new Set<string>();
  for (let i = 1 + below(3); i > 0; i--) {
    const name = pick(below, names);
    if (used.has(name)) continue;
    used.add(name);
    const nested = depth < 2 && below(3) === 0;
    members.push(`"${name}":${nested ? randomPattern(below, depth + 1) : leafOf(below)}`);
  }
  if (depth < 2 && below(5) === 0) {
    members.push(`"$or":[${randomPattern(below, depth + 1)},${randomPattern(below, depth + 1)}]`);
  }
  return `{${members.join(',')}}`;
}

function anyValue(below: Below, depth: number): string {
  const kind = depth < 3 ? below(10) : 0;
  if (kind < 5) return scalarOf(below);
  if (kind < 7) return randomEvent(below, depth + 1);
  return `[${Array.from({ length: below(4) }, () => anyValue(below, depth + 1)).join(',')}]`;
}

/** The JSON text of an object; names may repeat. */
export function randomEvent(below: Below, depth = 0): string {
  const members = Array.from({ length: 1 + below(4) }, () => `"${pick(below, names)}":${anyValue(below, depth)}`);
  return `{${members.join(below(8) === 0 ? ' , ' : ',')}}`;
}
