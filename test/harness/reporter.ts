// A second reporter beside node's own: a JSON line for each thing the runner wants to know, written as it happens, so
// that a run that is cut off still says which file hung. Never prints.

import type { TestEvent } from 'node:test/reporters';

export type Line =
  | { readonly kind: 'started' | 'ended'; readonly file: string }
  | { readonly kind: 'skipped'; readonly file: string; readonly name: string; readonly reason: string }
  /** `tests` without the one that node counts for the file itself when the file holds none. */
  | { readonly kind: 'counted'; readonly file: string; readonly tests: number; readonly skipped: number };

/** Events of a file's own tests carry `entryFile`; those about the file as a whole do not. */
interface Facts {
  readonly name: string;
  readonly file?: string;
  readonly entryFile?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly counts: { readonly tests: number; readonly skipped: number; readonly todo: number };
}

function lineOf({ type, data }: TestEvent): Line | undefined {
  const { name, file = '', entryFile, skip, todo, counts } = data as unknown as Facts;
  const whole = entryFile === undefined;
  switch (type) {
    case 'test:dequeue':
      return whole ? { kind: 'started', file } : undefined;
    case 'test:complete': {
      if (whole) return { kind: 'ended', file };
      const why = skip ?? todo;
      if (why === undefined || why === false) return undefined;
      return { kind: 'skipped', file: entryFile, name, reason: typeof why === 'string' ? why : '' };
    }
    case 'test:summary':
      return whole
        ? undefined
        : { kind: 'counted', file: entryFile, tests: counts.tests, skipped: counts.skipped + counts.todo };
    default:
      return undefined;
  }
}

// biome-ignore lint/style/noDefaultExport: node loads a reporter by its default export
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const line = lineOf(event);
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
}
