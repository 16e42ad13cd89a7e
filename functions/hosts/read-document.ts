// The router document as functions have it. What delivers reads it whole from its file. What only takes in is handed its part
// by the bundler, checked there: to check 300 rules at a start would take longer than all else (80 ms of CPU), and only some
// buses ask for them; then their conditions are read from the file.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Routed } from '../../adapters/adapter.ts';
import { isObject, type Problem } from '../../router/config.ts';
import { checkDocument, type KnownKinds, type RouterDocument, readCondition } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError } from '../../router/errors.ts';

export type Env = (name: string) => string | undefined;

/** Of a checked document what intake needs. Plain data. */
export type Intake = Pick<RouterDocument, 'bus' | 'sources' | 'oversize' | 'hash'> & {
  readonly rules: { readonly length: number };
};

export interface Loaded {
  readonly document: RouterDocument;
  /** What module paths in the document are relative to. */
  readonly baseDir: string;
}

function readFile(file: string, shown: string): unknown {
  try {
    return readDocumentText(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new RouterError('CONFIG_INVALID', `BUSWAY_RULES: ${shown} cannot be read as JSON`, { cause });
  }
}

/** Throws CONFIG_INVALID for what no function can run. */
function checkForCloud({ bus, oversize }: RouterDocument, shown: string): void {
  if (bus.kind === 'embedded') {
    const says = 'the embedded bus lives in a folder of one machine and would lose events here; choose another bus';
    throw new RouterError('CONFIG_INVALID', `${shown}: ${says}`);
  }
  if (oversize?.store.kind === 'folder') {
    const says = 'the folder of one instance is not there for the next, and its data would be lost; use s3';
    throw new RouterError('CONFIG_INVALID', `${shown}: oversize: ${says}`);
  }
}

/** `beside`: the file where BUSWAY_RULES names none. Throws CONFIG_INVALID or DOCUMENT_INVALID. */
export function readDocument(env: Env, kinds: KnownKinds, beside: string | undefined): Loaded {
  const given = env('BUSWAY_RULES') || beside;
  if (given === undefined) {
    const says = 'BUSWAY_RULES is not set; it names the router document, such as rules.json';
    throw new RouterError('CONFIG_INVALID', says);
  }
  const file = resolve(given);
  const document = checkDocument(readFile(file, given), kinds);
  checkForCloud(document, given);
  return { document, baseDir: dirname(file) };
}

function routedIn(input: unknown): readonly Routed[] {
  const rules = isObject(input) && Array.isArray(input['rules']) ? input['rules'] : [];
  const problems: Problem[] = [];
  const routed = rules.flatMap((rule: unknown, i): Routed[] => {
    const { name, when } = isObject(rule) ? rule : {};
    const condition = readCondition(when, `rules[${i}].when`, problems);
    return typeof name === 'string' && condition !== undefined ? [{ name, when: condition }] : [];
  });
  if (problems.length === 0) return routed;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('DOCUMENT_INVALID', `the router document has mistakes\n  ${lines.join('\n  ')}`, { problems });
}

/** The conditions of the rules in `file`, read when they are first asked for. They throw CONFIG_INVALID or DOCUMENT_INVALID. */
export function routedRules(file: string): () => readonly Routed[] {
  let routed: readonly Routed[] | undefined;
  return () => {
    routed ??= routedIn(readFile(file, file));
    return routed;
  };
}
