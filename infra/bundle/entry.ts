// The first file of a bundle: imports what this function needs for this document and hands it to the host. Text only. Names
// come from registries, paths are quoted and what is of the document is a JSON text, so nothing of it can become code.

import { resolve } from 'node:path';
import type { RouterDocument } from '../../router/document.ts';
import { asksForRules, type Cloud, functionsOf, type ModuleOf, moduleOf, pathOf } from './modules.ts';

export interface EntryParts {
  readonly cloud: Cloud;
  /** Of the function. */
  readonly name: string;
  readonly document: RouterDocument;
  /** What module paths in the document are relative to. */
  readonly baseDir: string;
}

interface Imports {
  readonly lines: string[];
  /** Answers the name of a module's namespace. */
  module(path: string): string;
  /** Answers the name of an option table. */
  table(of: ModuleOf): string;
}

const quoted = (text: string): string => JSON.stringify(text);

function createImports(): Imports {
  const lines: string[] = [];
  const add = (what: (name: string) => string, path: string): string => {
    const name = `_${lines.length}`;
    lines.push(`import ${what(name)} from ${quoted(path)};`);
    return name;
  };
  return {
    lines,
    module: (path) => add((name) => `* as ${name}`, path),
    table: ({ options, table }) => add((name) => `{ ${table} as ${name} }`, options),
  };
}

/** `{ "http": { options: _3, load: async () => _4 } }` */
function kindsText(kinds: readonly string[], lineOf: (kind: string) => string): string {
  return `{ ${kinds.map((kind) => `${quoted(kind)}: { ${lineOf(kind)} }`).join(', ')} }`;
}

/** The modules of a user's own functions, by their paths as written. */
export function modulesOf({ rules }: RouterDocument): readonly string[] {
  const named = rules.map(({ to }) => (to.kind === 'fn' ? to.options['module'] : undefined));
  return [...new Set(named.filter((path) => typeof path === 'string'))];
}

/** Bundled along: a function's own folder is nowhere else. */
function fnText(fn: string, { document, baseDir }: EntryParts): string {
  const lines = modulesOf(document).map((path) => `${quoted(path)}: () => import(${quoted(resolve(baseDir, path))})`);
  const extras = `{ load: (path) => ({ ${lines.join(', ')} })[path]() }`;
  return `{ open: (options, parts) => ${fn}.open(options, parts, ${extras}) }`;
}

const unique = (kinds: readonly { readonly kind: string }[]): readonly string[] => [
  ...new Set(kinds.map(({ kind }) => kind)),
];

const RULES = '__dirname + "/rules.json"';

/** What intake knows of the document, checked. */
function intakeText({ bus, sources, oversize, hash, rules }: RouterDocument): string {
  const intake = { bus, sources, ...(oversize && { oversize }), hash, rules: { length: rules.length } };
  return `document: JSON.parse(${quoted(JSON.stringify(intake))})`;
}

function loadText(module: string): string {
  return `load: async () => (${module})`;
}

function intakeParts({ document }: EntryParts, imports: Imports): readonly string[] {
  const { bus, sources, oversize } = document;
  const only = (of: ModuleOf): string => loadText(imports.module(of.path));
  const readsRules = asksForRules.includes(bus.kind);
  const reader = readsRules ? imports.module(pathOf('functions/hosts/read-document')) : '';
  return [
    intakeText(document),
    ...(readsRules ? [`rules: ${reader}.routedRules(${RULES})`] : []),
    `buses: ${kindsText([bus.kind], (kind) => only(moduleOf.bus(kind)))}`,
    `stores: ${kindsText(oversize === undefined ? [] : [oversize.store.kind], (kind) => only(moduleOf.store(kind)))}`,
    `sources: ${kindsText(unique(sources), (kind) => only(moduleOf.source(kind)))}`,
  ];
}

/** The document is read from its file and checked again: rules are data. */
function deliveryParts(parts: EntryParts, imports: Imports): readonly string[] {
  const { bus, sources, rules, oversize } = parts.document;
  const table = (of: ModuleOf): string => `options: ${imports.table(of)}`;
  const whole = (of: ModuleOf): string => `${table(of)}, ${loadText(imports.module(of.path))}`;
  const target = (kind: string): string => {
    const of = moduleOf.target(kind);
    return kind === 'fn' ? `${table(of)}, ${loadText(fnText(imports.module(of.path), parts))}` : whole(of);
  };
  return [
    `rulesFile: ${RULES}`,
    `buses: ${kindsText([bus.kind], (kind) => whole(moduleOf.bus(kind)))}`,
    `stores: ${kindsText(oversize === undefined ? [] : [oversize.store.kind], (kind) => whole(moduleOf.store(kind)))}`,
    `sources: ${kindsText(unique(sources), (kind) => table(moduleOf.source(kind)))}`,
    `targets: ${kindsText(unique(rules.map(({ to }) => to)), target)}`,
  ];
}

function redriveParts({ document }: EntryParts): readonly string[] {
  const names = document.rules.map(({ name }) => name);
  return [intakeText(document), `ruleNames: ${JSON.stringify(names)}`];
}

const partsOf = { intake: intakeParts, delivery: deliveryParts, redrive: redriveParts } as const;

/** The worker wants to be told of a function while its file is loaded. */
function registerText(name: string, host: string, imports: Imports): string {
  return `${host}.register(${imports.module('@azure/functions')}.app, ${quoted(name)}, handler);`;
}

/** Exports the promise of `handler`. */
export function entryText(parts: EntryParts): string {
  const { cloud, name } = parts;
  const imports = createImports();
  const host = imports.module(pathOf(`functions/hosts/${cloud}`));
  const text = partsOf[functionsOf[cloud][name]!.does](parts, imports).join(',\n  ');
  const opened = `${host}.${name}({\n  ${text}\n})`;
  const registered =
    cloud === 'azure' ? `.then((handler) => { ${registerText(name, host, imports)} return handler; })` : '';
  return `${imports.lines.join('\n')}\nexport const handler = ${opened}${registered};\n`;
}
