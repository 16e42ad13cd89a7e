// The rules of the house as pure functions over sources: who may import whom, and what may stand nowhere. Each finding
// names the place and what to do instead. The tree is read by test/house.test.ts.

import { posix } from 'node:path';
import { lineAt, type SourceFile } from './source-text.ts';

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly says: string;
}

type Rule = (files: readonly SourceFile[]) => readonly Finding[];
type FileRule = (file: SourceFile) => readonly Finding[];

const areas = ['router', 'adapters', 'functions', 'local', 'infra', 'exports', 'examples', 'test'];
const registries = ['adapters/registry.ts', 'functions/sources/registry.ts', 'functions/targets/registry.ts'];
/** Area → what it may import; of itself always. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  router: [],
  adapters: ['router'],
  functions: ['router', 'adapters'],
  local: ['router', 'adapters', 'functions', 'infra'],
  infra: ['router'],
  exports: ['router', 'adapters', 'functions', 'infra', 'test'],
  examples: [],
  test: areas,
};

const areaOf = (path: string): string => path.split('/', 1)[0]!;
const isTest = (path: string): boolean => areaOf(path) === 'test';

/** The file a relative import means; undefined for a package. */
function targetOf({ path }: SourceFile, specifier: string | undefined): string | undefined {
  return specifier?.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

function perFile(rule: FileRule): Rule {
  return (files) => files.flatMap(rule);
}

/** Every hit of `pattern` in the code, but where `allowed` says so. */
function nowhere(pattern: RegExp, says: string, allowed: (path: string) => boolean = () => false): Rule {
  return perFile(({ path, code }) =>
    allowed(path) ? [] : Array.from(code.matchAll(pattern), ({ index }) => ({ path, line: lineAt(code, index), says })),
  );
}

function nowhereButIn(pattern: RegExp, area: string, says: string): Rule {
  return nowhere(pattern, says, (path) => areaOf(path) !== area);
}

/** What infra may take of the adapters: their pure files. */
const PURE_ADAPTER = /^adapters\/[^/]+\/(?:filter|options|definitions|queues)\.ts$/;
const BUS_FOLDER = /^adapters\/([^/]+)\//;

function mayReach(from: string, to: string): boolean {
  const [own, other] = [areaOf(from), areaOf(to)];
  if (own === 'infra' && (PURE_ADAPTER.test(to) || registries.includes(to))) return true;
  if (own === 'adapters' && other === 'adapters') {
    const [bus, otherBus] = [BUS_FOLDER.exec(from)?.[1], BUS_FOLDER.exec(to)?.[1]];
    return bus === undefined || otherBus === undefined || bus === otherBus;
  }
  return own === other || (mayImport[own]?.includes(other) ?? false);
}

const directions: FileRule = (file) =>
  file.imports.flatMap(({ specifier, line }) => {
    const target = targetOf(file, specifier);
    if (target === undefined || !areas.includes(areaOf(file.path)) || mayReach(file.path, target)) return [];
    const allowed = mayImport[areaOf(file.path)]!.join(', ') || 'only itself';
    return [{ path: file.path, line, says: `must not import ${target}; ${areaOf(file.path)} may import ${allowed}` }];
  });

const pureRouter: FileRule = ({ path, imports }) =>
  areaOf(path) !== 'router'
    ? []
    : imports
        .filter(({ specifier }) => specifier !== undefined && !specifier.startsWith('.'))
        .filter(({ specifier }) => specifier !== 'node:crypto' && specifier !== 'node:buffer')
        .map(({ specifier, line }) => ({
          path,
          line,
          says: `router/ must not import ${specifier}; node:crypto and node:buffer only`,
        }));

/** Package → where it may be imported; the first line that fits counts. */
const sdks: readonly (readonly [RegExp, RegExp])[] = [
  [/^kafkajs(?:\/|$)/, /^adapters\/kafka\//],
  [/^@platformatic\//, /^adapters\/kafka\//],
  [/^@aws-sdk\/client-lambda(?:\/|$)/, /^functions\/targets\/lambda\.ts$/],
  [/^(?:@aws-sdk|@smithy)\//, /^adapters\/eventbridge\//],
  [/^@google-cloud\//, /^adapters\/pubsub\//],
  [/^@azure\//, /^adapters\/eventgrid\//],
];

const sdkPlaces: FileRule = ({ path, imports }) =>
  isTest(path)
    ? []
    : imports.flatMap(({ specifier = '', line }) => {
        const place = sdks.find(([name]) => name.test(specifier))?.[1];
        if (place === undefined || place.test(path)) return [];
        return [{ path, line, says: `must not import ${specifier}; an SDK stays in its own bus's folder` }];
      });

const readsEnv = (path: string): boolean =>
  /^(?:functions\/hosts\/|test\/harness\/|local\/main\.ts$|infra\/app\.ts$)/.test(path);

const processModule: FileRule = ({ path, imports }) =>
  readsEnv(path)
    ? []
    : imports
        .filter(({ specifier }) => specifier === 'node:process')
        .map(({ line }) => ({ path, line, says: 'must not import node:process; take what you need as an argument' }));

/** What is reachable from `from` by imports that run. Dynamic ones only with `lazy`. */
function reach(from: SourceFile, byPath: ReadonlyMap<string, SourceFile>, lazy: boolean): Set<string> {
  const seen = new Set<string>();
  const queue = [from];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    for (const { kind, specifier } of file.imports) {
      if (kind === 'type' || (kind === 'dynamic' && !lazy)) continue;
      const name = targetOf(file, specifier) ?? specifier;
      if (name === undefined || seen.has(name)) continue;
      seen.add(name);
      const next = byPath.get(name);
      if (next !== undefined) queue.push(next);
    }
  }
  return seen;
}

const cycles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.flatMap((file) => {
    if (!reach(file, byPath, true).has(file.path)) return [];
    return [{ path: file.path, line: 1, says: 'imports itself in a circle; move what both need to a third file' }];
  });
};

/** A registry is loaded by plan and help: its own imports must lead to no implementation, package or socket. */
const lazyRegistries: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const known = files.filter((file) => registries.includes(file.path));
  const loaded = known.flatMap((file) =>
    file.imports.filter(({ kind }) => kind === 'dynamic').map(({ specifier }) => targetOf(file, specifier)),
  );
  return known.flatMap((file) =>
    [...reach(file, byPath, false)]
      .filter((name) => loaded.includes(name) || (!byPath.has(name) && !/^node:(?:crypto|buffer|net)$/.test(name)))
      .map((name) => ({ path: file.path, line: 1, says: `loads ${name}; a registry is pure, load it on demand` })),
  );
};

const DECLARES = /\b(?:const|let|function|interface|class|type\s+\w+(?:<[^=]*>)?\s*=)/;
const REEXPORT = /\bexport\b\s*(?:type\s*)?(?:\*|\{[^}]*\})[^;'"]*?\bfrom\b/;
/** Only what stands in package.json under exports hands on. */
const barrels: FileRule = ({ path, code }) =>
  areaOf(path) === 'exports'
    ? []
    : (REEXPORT.test(code) && !DECLARES.test(code)) || /\bexport\s*(?:type\s*)?\*/.test(code)
      ? [{ path, line: 1, says: 'only hands on what others export; import from where it is' }]
      : [];

const MAX_LINES = 400;
const length: FileRule = ({ path, text }) => {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return lines <= MAX_LINES ? [] : [{ path, line: lines, says: `has ${lines} lines, at most ${MAX_LINES}; split it` }];
};

const isDocument = (path: string): boolean =>
  path === 'infra/router.ts' || path.endsWith('.rules.test.ts') || areaOf(path) === 'examples';

/** A regular expression from anything but one literal text. */
const COMPUTED_REGEXP = /\bRegExp\s*\((?!\s*(?:'[^']*'|"[^"]*"|`[^`$]*`)\s*[,)])/g;
/** Files that build one from their own constants only. */
const computedRegExps = ['router/event.ts'];

const NAMED = '(?:signature|digest|hmac|mac|token|expected)s?';
const OPERAND = `\\b\\w*?${NAMED}\\b(?:\\.(?:toString|digest|slice|trim|toLowerCase)\\([^()]*\\))*`;
/** Whatever names a signature, compared by an operator; to compare with nothing, a length or a literal is fine. */
const COMPARED = new RegExp(
  `${OPERAND}\\s*[!=]==?(?!=)\\s*(?!\\s|undefined\\b|null\\b|true\\b|false\\b|['"\`\\d])|` +
    `[\\w)\\]]\\s*[!=]==\\s*${OPERAND}(?!\\w|\\s*\\.)|${OPERAND}\\.(?:equals|localeCompare|startsWith)\\(`,
  'gi',
);

/** Name of the rule → the rule. */
export const houseRules: Readonly<Record<string, Rule>> = {
  'imports go one way': perFile(directions),
  'router/ is pure: no modules of node but crypto and buffer': perFile(pureRouter),
  'router/ is pure: no clock and no randomness': nowhereButIn(
    /\bMath\s*\.\s*random\b|\bDate\s*\.\s*now\b|\bnew\s+Date\b(?:\s*\(\s*\)|(?!\s*\())|\bDate\s*\(\s*\)|\bperformance\b|\bset(?:Timeout|Interval|Immediate)\b|\brandom(?:Bytes|UUID|Int|Fill)\b|\bgetRandomValues\b/g,
    'router',
    'time and randomness come in as arguments',
  ),
  "an SDK stays in its bus's folder": perFile(sdkPlaces),
  'process.env is read at the edge only': nowhere(
    /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*(?:\?\.)?\s*\[|\}\s*=\s*process\b(?!\s*\.)/g,
    'process.env is read only in functions/hosts/, local/main.ts, infra/app.ts and test/harness/; take an argument',
    readsEnv,
  ),
  'node:process is imported at the edge only': perFile(processModule),
  'no import cycles': cycles,
  'no barrel files': perFile(barrels),
  'registries load no implementation': lazyRegistries,
  'no default exports but router documents': nowhere(
    /\bexport\s+default\b|\bas\s+default\b/g,
    'name the export',
    // Node loads a reporter by its default export.
    (path) => isDocument(path) || path === 'test/harness/reporter.ts',
  ),
  'no file over 400 lines': perFile(length),
  'no code from text': perFile((file) => [
    ...nowhere(/(?<![.\w])eval\s*\(|\bnew\s+Function\b|(?<![.\w])Function\s*\(/g, 'never run text as code')([file]),
    ...file.imports
      .filter(({ specifier }) => specifier === 'node:vm' || specifier === 'vm')
      .map(({ line }) => ({ path: file.path, line, says: 'never run text as code' })),
  ]),
  'no regular expression from a variable': nowhere(
    COMPUTED_REGEXP,
    'write a literal: what comes from outside could be any expression',
    (path) => isTest(path) || computedRegExps.includes(path),
  ),
  'signatures are compared in constant time': nowhere(
    COMPARED,
    'compare with timingSafeEqual, through functions/sources/signature.ts',
    (path) => !path.startsWith('functions/sources/') || path.endsWith('/registry.ts'),
  ),
};
