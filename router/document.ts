// Checks a router document against the kinds it is given. One validator for .ts and .json: a document is data.
// Every mistake is reported at once, each with its path and the nearest known name.

import { parseCesql } from './cesql/parse.ts';
import type { Condition } from './condition.ts';
import { checkOptions, isObject, type Kind, type Options, type Problem, show, unknownName } from './config.ts';
import { RouterError, toRouterError } from './errors.ts';
import { parsePattern } from './read-pattern.ts';
import { defaultRetry } from './retry.ts';
import { hashOf, type Rule } from './rule.ts';
import { type RuleTest, readRuleTests } from './rule-test.ts';

export type Kinds = Readonly<Record<string, Pick<Kind<unknown>, 'options'>>>;

export interface KnownKinds {
  readonly buses: Kinds;
  readonly sources: Kinds;
  readonly targets: Kinds;
  /** Of the data of oversized events; none if absent. */
  readonly stores?: Kinds;
}

export interface Chosen {
  readonly kind: string;
  readonly options: Options;
}

export interface SourceChoice extends Chosen {
  readonly name: string;
}

/** A router document after checking: defaults filled in, patterns parsed. */
export interface RouterDocument {
  readonly bus: Chosen;
  readonly sources: readonly SourceChoice[];
  readonly rules: readonly Rule[];
  /** Where the data of events over the bus's limit lies; absent: such events are refused. */
  readonly oversize?: { readonly store: Chosen };
  /** For `busway test`; routing does not read them. */
  readonly tests: readonly RuleTest[];
  /** 16 hex digits over the whole document as written. */
  readonly hash: string;
}

const SOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RULE_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const retryOptions = {
  attempts: { type: 'integer', min: 1, max: 100, default: defaultRetry.attempts, says: 'tries in all' },
  firstMs: { type: 'integer', min: 1, max: 3_600_000, default: defaultRetry.firstMs, says: 'wait after the first try' },
  maxMs: { type: 'integer', min: 1, max: 86_400_000, default: defaultRetry.maxMs, says: 'longest wait' },
} as const;

/** A document as far as it is sound, and all that is wrong with it. */
export interface Survey {
  /** A rule with a mistake is left out, a bus or a source of no known kind has the kind ''; with mistakes the hash is ''. */
  readonly document: RouterDocument;
  readonly problems: readonly Problem[];
  /** Name → its place in `rules` as written; of rules with mistakes too. */
  readonly places: ReadonlyMap<string, number>;
}

/** Checks without throwing, so that plan can go on with the rules that are sound. */
export function surveyDocument(input: unknown, kinds: KnownKinds): Survey {
  const problems: Problem[] = [];
  const places = new Map<string, number>();
  return { document: readDocument(input, kinds, { problems, places }), problems, places };
}

/** Throws DOCUMENT_INVALID whose message lists every problem, one a line. */
export function checkDocument(input: unknown, kinds: KnownKinds): RouterDocument {
  const { document, problems } = surveyDocument(input, kinds);
  if (problems.length === 0) return document;
  const lines = problems.map(({ path, says }) => (path === '' ? says : `${path}: ${says}`));
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`;
  throw new RouterError('DOCUMENT_INVALID', `the router document has ${count}\n  ${lines.join('\n  ')}`, { problems });
}

interface Found {
  readonly problems: Problem[];
  readonly places: Map<string, number>;
}

function readDocument(input: unknown, kinds: KnownKinds, { problems, places }: Found): RouterDocument {
  const keys = ['bus', 'sources', 'rules', 'oversize', 'tests'];
  if (!isObject(input)) {
    problems.push({ path: '', says: `must be an object with ${keys.join(', ')}, found ${show(input)}` });
    return { bus: { kind: '', options: {} }, sources: [], rules: [], tests: [], hash: '' };
  }
  for (const key of Object.keys(input)) {
    if (!keys.includes(key)) problems.push({ path: '', says: unknownName('key', key, keys) });
  }
  // Only absent means the default: null is a mistake.
  const { bus = 'embedded', sources = {}, rules = [], oversize, tests = [] } = input;
  const read = {
    bus: readBus(bus, kinds.buses, problems),
    sources: readSources(sources, kinds.sources, problems),
    rules: readRules(rules, kinds.targets, { problems, places }),
    ...(oversize === undefined ? {} : readOversize(oversize, { kinds: kinds.stores ?? {}, problems })),
    tests: readRuleTests(tests, { path: 'tests', names: namesOf(rules), problems }),
  };
  // Not of a document with mistakes: it may have no canonical form.
  return { ...read, hash: problems.length === 0 ? hashOfDocument(input, problems) : '' };
}

function hashOfDocument(input: unknown, problems: Problem[]): string {
  try {
    return hashOf(input);
  } catch {
    problems.push({ path: '', says: 'is nested too deep, or holds a circle' });
    return '';
  }
}

function readKind(
  kind: unknown,
  path: string,
  { kinds, problems }: { kinds: Kinds; problems: Problem[] },
): kind is string {
  if (typeof kind === 'string' && Object.hasOwn(kinds, kind)) return true;
  const allowed = Object.keys(kinds);
  const says = typeof kind === 'string' ? unknownName('kind', kind, allowed) : `must be one of ${allowed.join(', ')}`;
  problems.push({ path, says });
  return false;
}

function readUse(input: unknown, path: string, known: { kinds: Kinds; problems: Problem[] }): Chosen {
  const none = { kind: '', options: {} };
  if (!isObject(input)) {
    known.problems.push({ path, says: `must be an object such as { "use": "…" }, found ${show(input)}` });
    return none;
  }
  const { use, ...options } = input;
  if (!readKind(use, `${path}.use`, known)) return none;
  return { kind: use, options: checkOptions(options, known.kinds[use]!.options, path, known.problems) };
}

function readBus(input: unknown, kinds: Kinds, problems: Problem[]): Chosen {
  if (typeof input !== 'string') return readUse(input, 'bus', { kinds, problems });
  if (!readKind(input, 'bus', { kinds, problems })) return { kind: '', options: {} };
  return { kind: input, options: checkOptions({}, kinds[input]!.options, 'bus', problems) };
}

function readSources(input: unknown, kinds: Kinds, problems: Problem[]): readonly SourceChoice[] {
  if (!isObject(input)) {
    problems.push({ path: 'sources', says: `must be an object of name: { "use": kind }, found ${show(input)}` });
    return [];
  }
  return Object.entries(input).map(([name, choice]) => {
    const path = `sources.${name}`;
    if (!SOURCE_NAME.test(name)) {
      problems.push({ path, says: "a source name is 1-64 letters, digits, '.', '_' or '-': it is part of a URL" });
    }
    return { name, ...readUse(choice, path, { kinds, problems }) };
  });
}

function readRules(input: unknown, kinds: Kinds, { problems, places }: Found): readonly Rule[] {
  if (!Array.isArray(input)) {
    problems.push({ path: 'rules', says: `must be a list of rules, found ${show(input)}` });
    return [];
  }
  return input.flatMap((item, i) => {
    const rule = readRule(item, `rules[${i}]`, { kinds, problems });
    const name = isObject(item) && typeof item['name'] === 'string' ? item['name'] : undefined;
    const first = name === undefined ? undefined : places.get(name);
    if (first !== undefined) {
      problems.push({
        path: `rules[${i}].name`,
        says: `${show(name)} is the name of rules[${first}] already; names are unique`,
      });
      return [];
    }
    if (name !== undefined) places.set(name, i);
    return rule === undefined ? [] : [rule];
  });
}

/** Of all rules as written, so that a mistake in a rule is not told again at its tests. */
function namesOf(rules: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(rules) ? rules : [];
  return items.flatMap((item) => (isObject(item) && typeof item['name'] === 'string' ? [item['name']] : []));
}

function readRule(item: unknown, path: string, known: { kinds: Kinds; problems: Problem[] }): Rule | undefined {
  const { kinds, problems } = known;
  const before = problems.length;
  const options = checkOptions(
    item,
    {
      name: {
        type: 'string',
        required: true,
        check: (name) =>
          RULE_NAME.test(name) ? undefined : `must be 1-64 letters, digits, '.', '_' or '-', found ${show(name)}`,
        says: 'the name of the rule',
      },
      when: { type: 'json', required: true, says: 'the pattern, or a CESQL expression' },
      to: { type: 'json', required: true, says: 'the target, such as { "log": {} }' },
      retry: { type: 'object', fields: retryOptions, says: 'how often and how fast to retry' },
      order: { type: 'string', values: ['key'], says: "'key': events of one partitionkey one after the other" },
    },
    path,
    problems,
  );
  const when = options['when'] === undefined ? undefined : readCondition(options['when'], `${path}.when`, problems);
  const to =
    options['to'] === undefined
      ? undefined
      : readChoice(options['to'], `${path}.to`, { kinds, problems, what: 'target' });
  if (problems.length > before || when === undefined || to === undefined) return undefined;
  const retry = (options['retry'] ?? defaultRetry) as Rule['retry'];
  const order = options['order'] as Rule['order'];
  return { name: options['name'] as string, when, to, retry, order, hash: hashOf(item) };
}

/** A condition as a document writes it: a pattern, or a CESQL text. Undefined when `problems` got more. */
export function readCondition(input: unknown, path: string, problems: Problem[]): Condition | undefined {
  if (typeof input !== 'string') return parsePattern(input, path, problems);
  try {
    return { kind: 'cesql', text: input, expression: parseCesql(input) };
  } catch (thrown) {
    problems.push({ path, says: toRouterError(thrown).message });
    return undefined;
  }
}

function readOversize(input: unknown, known: { kinds: Kinds; problems: Problem[] }): Pick<RouterDocument, 'oversize'> {
  const says = 'where the data lies, such as { "folder": "data" }';
  const { store: given } = checkOptions(
    input,
    { store: { type: 'json', required: true, says } },
    'oversize',
    known.problems,
  );
  if (given === undefined) return {};
  const store = readChoice(unfolded(given, known.kinds), 'oversize.store', { ...known, what: 'store' });
  return store === undefined ? {} : { oversize: { store } };
}

/** Of a kind with one option its value may stand alone: { "folder": "data" } is { "folder": { "path": "data" } }. */
function unfolded(input: unknown, kinds: Kinds): unknown {
  if (!isObject(input)) return input;
  const members = Object.entries(input).map(([kind, value]) => {
    const names = Object.hasOwn(kinds, kind) ? Object.keys(kinds[kind]!.options) : [];
    return [kind, names.length === 1 && !isObject(value) ? { [names[0]!]: value } : value] as const;
  });
  return Object.fromEntries(members);
}

/** An object with one key, the kind. */
function readChoice(
  input: unknown,
  path: string,
  { kinds, problems, what }: { kinds: Kinds; problems: Problem[]; what: 'target' | 'store' },
): Chosen | undefined {
  const names = isObject(input) ? Object.keys(input) : [];
  const [kind] = names;
  if (!isObject(input) || kind === undefined || names.length !== 1) {
    problems.push({
      path,
      says: `must be an object with one key, the kind of ${what} (${Object.keys(kinds).join(', ')}), found ${show(input)}`,
    });
    return undefined;
  }
  if (!Object.hasOwn(kinds, kind)) {
    problems.push({ path, says: unknownName(what, kind, Object.keys(kinds)) });
    return undefined;
  }
  return { kind, options: checkOptions(input[kind], kinds[kind]!.options, `${path}.${kind}`, problems) };
}
