// What a cloud hands us is of any form until it is looked at: these never throw and never follow a prototype.

export type Foreign = Readonly<Record<string, unknown>>;

/** The value if it is an object and no list, else an empty one. */
export function objectOf(value: unknown): Foreign {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Foreign) : {};
}

/** The value if it is a string, else ''. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
