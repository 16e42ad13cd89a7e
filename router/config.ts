// Option tables: one table per kind gives validation, help and documentation. Problems are collected, never thrown
// one by one, so that a person sees every mistake of a document at once.

export interface Option {
  readonly type: 'string' | 'integer' | 'boolean' | 'strings' | 'env' | 'object' | 'json';
  readonly required?: boolean;
  readonly values?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** For type object. */
  readonly fields?: OptionTable;
  /** A further check of a string; returns what is wrong, or undefined. */
  readonly check?: (value: string) => string | undefined;
  readonly default?: string | number | boolean | readonly string[];
  readonly says: string;
}

export type OptionTable = Readonly<Record<string, Option>>;
export type Options = Readonly<Record<string, unknown>>;

/** A kind's line in a registry: the table, and the implementation on demand. */
export interface Kind<Module> {
  readonly says: string;
  readonly options: OptionTable;
  readonly load: () => Promise<Module>;
}

export interface Problem {
  /** Where, as a path such as rules[2].to.http.url */
  readonly path: string;
  readonly says: string;
}

/** Damerau-Levenshtein distance (adjacent transpositions count one). */
function distance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j - 1]! + 1, previous[j]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      }
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** The allowed name closest to what was written, if it is close enough to be a slip. Ignores case. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  const lower = word.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(lower.length / 3)) + 1;
  for (const name of allowed) {
    const d = distance(lower, name.toLowerCase());
    if (d < bestDistance) [best, bestDistance] = [name, d];
  }
  return best;
}

/** "unknown key 'brokerz'; did you mean 'brokers'? allowed: brokers, topic" */
export function unknownName(what: string, word: string, allowed: readonly string[]): string {
  const near = nearest(word, allowed);
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  return `unknown ${what} '${word.slice(0, 64)}'${hint}${hint === '' ? ';' : ''} allowed: ${allowed.join(', ') || 'none'}`;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Shows a value in a message: short, and only its shape when it is not a scalar. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isObject(value)) return 'an object';
  if (typeof value === 'function') return 'a function';
  return String(value);
}

// Upper case only: a secret that was pasted here by mistake nearly always has other letters, and is refused unseen.
const ENV_NAME = /^[A-Z_][A-Z0-9_]*$/;

function checkValue(value: unknown, option: Option, path: string, problems: Problem[]): unknown {
  const fail = (due: string): undefined => {
    problems.push({ path, says: `must be ${due}, found ${show(value)}` });
    return undefined;
  };
  switch (option.type) {
    case 'string':
    case 'env': {
      if (typeof value !== 'string' || value === '') return fail('a non-empty string');
      if (option.type === 'env' && !ENV_NAME.test(value)) {
        problems.push({
          path,
          says: 'must be the name of an environment variable, in capitals; a secret never stands in the document',
        });
        return undefined;
      }
      if (option.values !== undefined && !option.values.includes(value)) {
        problems.push({ path, says: unknownName('value', value, option.values) });
        return undefined;
      }
      const wrong = option.check?.(value);
      if (wrong !== undefined) problems.push({ path, says: wrong });
      return value;
    }
    case 'integer': {
      const { min = 0, max = Number.MAX_SAFE_INTEGER } = option;
      if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
        return fail(`an integer from ${min} to ${max}`);
      }
      return value;
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : fail('true or false');
    case 'strings': {
      if (
        !Array.isArray(value) ||
        value.length === 0 ||
        value.some((item) => typeof item !== 'string' || item === '')
      ) {
        return fail('a non-empty list of strings');
      }
      for (const [i, item] of value.entries()) {
        const wrong = option.check?.(item);
        if (wrong !== undefined) problems.push({ path: `${path}[${i}]`, says: wrong });
      }
      return value;
    }
    case 'object':
      return isObject(value) ? checkOptions(value, option.fields ?? {}, path, problems) : fail('an object');
    case 'json':
      return value;
  }
}

/** The options that a table gives by itself; what it requires is not among them. */
export function optionDefaults(table: OptionTable): Options {
  const given = Object.entries(table).flatMap(([name, option]) =>
    option.default === undefined ? [] : [[name, option.default] as const],
  );
  return Object.fromEntries(given);
}

/** Checks `input` against `table`, adds what is wrong to `problems`, returns the options with defaults filled in. */
export function checkOptions(input: unknown, table: OptionTable, path: string, problems: Problem[]): Options {
  const checked: Record<string, unknown> = {};
  if (!isObject(input)) {
    problems.push({ path, says: `must be an object, found ${show(input)}` });
    return checked;
  }
  for (const name of Object.keys(input)) {
    if (!Object.hasOwn(table, name)) problems.push({ path, says: unknownName('key', name, Object.keys(table)) });
  }
  for (const [name, option] of Object.entries(table)) {
    const value = Object.hasOwn(input, name) ? input[name] : undefined;
    if (value !== undefined) {
      const result = checkValue(value, option, path === '' ? name : `${path}.${name}`, problems);
      if (result !== undefined) checked[name] = result;
    } else if (option.required === true) {
      problems.push({ path, says: `'${name}' is required: ${option.says}` });
    } else if (option.default !== undefined) checked[name] = option.default;
  }
  return checked;
}
