// busway normalize: what a source makes of a request body. The same code as intake, without the stamps recordedtime and
// traceparent, so that the same input always prints the same events.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openSource } from '../../functions/open-sources.ts';
import { sources as kinds } from '../../functions/sources/registry.ts';
import { checkOptions, isObject, type Problem, unknownName } from '../../router/config.ts';
import type { SourceChoice } from '../../router/document.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { checkAttributes } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { type Args, type Command, type Io, shared, usage } from '../command.ts';
import { loadDocument } from '../document-file.ts';
import { eventLine } from '../event-text.ts';
import { readAll } from '../lines.ts';

/** A kind with its default options, or a name of the document. */
async function choose(word: string, args: Args, io: Io): Promise<SourceChoice> {
  const config = args.string('config');
  if (config !== undefined) {
    const { document } = await loadDocument(config, io.cwd);
    const found = document.sources.find((source) => source.name === word);
    if (found !== undefined) return found;
    const names = document.sources.map((source) => source.name);
    if (!Object.hasOwn(kinds, word)) throw usage(unknownName('source', word, names));
  }
  const kind = Object.hasOwn(kinds, word) ? kinds[word] : undefined;
  if (kind === undefined) throw usage(unknownName('source kind', word, Object.keys(kinds)));
  const problems: Problem[] = [];
  const options = checkOptions({}, kind.options, word, problems);
  if (problems.length > 0) {
    throw usage(
      `source kind '${word}' needs options: name a source of a document with --config (${problems[0]!.says})`,
    );
  }
  return { name: word, kind: word, options };
}

/** A JSON object, or header lines `Name: value`. */
export function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  const add = (name: string, value: string): void => {
    const key = name.trim().toLowerCase();
    headers[key] = headers[key] === undefined ? value.trim() : `${headers[key]}, ${value.trim()}`;
  };
  if (text.trimStart().startsWith('{')) {
    const parsed: unknown = JSON.parse(text);
    if (isObject(parsed)) for (const [name, value] of Object.entries(parsed)) add(name, String(value));
    return headers;
  }
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (line.trim() === '') continue;
    if (colon <= 0)
      throw usage(`--headers: '${line.slice(0, 40)}' is not a header line such as 'X-GitHub-Event: push'`);
    add(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

async function readHeaders(args: Args, io: Io): Promise<Record<string, string>> {
  const file = args.string('headers');
  if (file === undefined) return Object.assign(Object.create(null), { 'content-type': 'application/json' });
  try {
    return parseHeaders(await readFile(resolve(io.cwd, file), 'utf8'));
  } catch (cause) {
    if (cause instanceof RouterError) throw cause;
    throw usage(`--headers ${file}: cannot be read as a JSON object or header lines`);
  }
}

async function run(args: Args, io: Io): Promise<number> {
  const [word] = args.words;
  if (word === undefined) throw usage(`busway normalize: name a source kind: ${Object.keys(kinds).join(', ')}`);
  const choice = await choose(word, args, io);
  const source = await openSource(choice, kinds);
  const headers = await readHeaders(args, io);
  const body = await readAll(io.stdin);
  const request: RawRequest = { method: 'POST', path: `/webhooks/${choice.name}`, query: '', headers, body };
  let drops = 0;
  let refusals = 0;
  const refuse = (line: number, code: string, message: string): void => {
    refusals++;
    io.err(JSON.stringify({ line, code, message }));
  };
  try {
    const secret = args.string('secret');
    if (secret !== undefined) {
      const verdict = source.verify(request, [source.key(secret)], new Date(io.now()));
      if (verdict.kind === 'rejected') throw new RouterError(verdict.code, verdict.reason);
    }
    for (const [i, item] of source.normalize(request).entries()) {
      if (item.kind === 'drop') drops++;
      else if (item.kind === 'refusal') refuse(i + 1, item.code, item.reason);
      else {
        checkAttributes(item.event.attributes);
        io.out(eventLine(item.event));
      }
    }
  } catch (thrown) {
    const { code, message } = toRouterError(thrown);
    refuse(1, code, message);
  }
  if (drops > 0) io.err(`${drops} dropped`);
  return refusals === 0 ? 0 : 1;
}

export const normalize: Command = {
  name: 'normalize',
  usage: 'normalize <source> [--headers FILE] [--secret S] < body',
  says: 'Reads one request body and prints the CloudEvents that the source makes of it, one a line.',
  example:
    "busway normalize github --headers headers.txt < push.json   (headers.txt: the lines 'X-GitHub-Event: push' and 'X-GitHub-Delivery: 1')",
  options: {
    config: shared.config,
    headers: { type: 'string', value: 'FILE', says: 'request headers: a JSON object, or lines Name: value' },
    secret: { type: 'string', value: 'S', says: 'verify the signature with this secret first' },
  },
  words: 1,
  run,
};
