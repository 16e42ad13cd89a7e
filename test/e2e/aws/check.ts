// What a step of the run looks at: due and seen, side by side. A difference is not thrown, so that one does not hide the next.

import { isDeepStrictEqual } from 'node:util';

export interface Check {
  readonly what: string;
  readonly due: unknown;
  readonly seen: unknown;
}

export interface Step {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly tookMs: number;
}

export const holds = ({ due, seen }: Check): boolean => isDeepStrictEqual(seen, due);

const MAX_SHOWN = 72;

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

/** Lines of a table: a row a check, with what was due where it differs. */
export function tableOf(steps: readonly Step[]): readonly string[] {
  const rows = steps.flatMap(({ name, checks, tookMs }) => [
    ['', `${name} (${(tookMs / 1_000).toFixed(1)} s)`, ''],
    ...checks.map((check) => [
      holds(check) ? 'ok' : 'DIFFERS',
      `  ${check.what}`,
      holds(check) ? shown(check.seen) : `${shown(check.seen)}, due ${shown(check.due)}`,
    ]),
  ]);
  const width = (column: number): number => Math.max(...rows.map((row) => row[column]!.length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([verdict = '', what = '', seen = '']) =>
    `${verdict.padEnd(first)}  ${what.padEnd(second)}  ${seen}`.trimEnd(),
  );
}

/** Of a run that held: none. */
export function differences(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ name, checks }) =>
    checks
      .filter((check) => !holds(check))
      .map(({ what, due, seen }) => `${name}: ${what}: ${shown(seen)}, due ${shown(due)}`),
  );
}
