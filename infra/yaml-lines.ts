// YAML as data, and the line on which each key stands, so that a mistake is told with its place. Nothing in the file runs and
// no variable in it is resolved. Source: js-yaml 4.3.2, options of load (its listener hears every node open and close).

import { createRequire } from 'node:module';
import { isObject } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';

export interface Yaml {
  readonly value: unknown;
  /** The line, from 1, of what stands at a path such as functions.webhook.events[1], or else of what is nearest above it. */
  lineOf(path: string): number | undefined;
}

interface State {
  readonly line: number;
  readonly kind: string | null;
  readonly result: unknown;
}

type Load = (text: string, options: { readonly listener: (event: 'open' | 'close', state: State) => void }) => unknown;

/** A node that is read; of a mapping the keys and values take turns. */
interface Node {
  line: number;
  kind: string | null;
  result: unknown;
  readonly below: Node[];
}

const MAX_CHARS = 1024 * 1024;

function loadYaml(): Load {
  try {
    // It carries no types.
    return (createRequire(import.meta.url)('js-yaml') as { load: Load }).load;
  } catch (cause) {
    throw new RouterError('UNSUPPORTED', 'the package js-yaml is missing; npm install js-yaml', { cause });
  }
}

/** A key with its value, or an item of a list. */
function stepInto(
  node: Node | undefined,
  step: string,
): { readonly line: number; readonly node: Node | undefined } | undefined {
  if (node?.kind === 'sequence') {
    const item = node.below[Number(step)];
    return item && { line: item.below[0]?.line ?? item.line, node: item };
  }
  const at = node?.kind === 'mapping' ? node.below.findIndex(({ result }, i) => i % 2 === 0 && result === step) : -1;
  return at < 0 ? undefined : { line: node!.below[at]!.line, node: node!.below[at + 1] };
}

/** Throws CONFIG_INVALID for what is no YAML, with the line; UNSUPPORTED without js-yaml. */
export function readYaml(text: string, file: string): Yaml {
  if (text.length > MAX_CHARS)
    throw new RouterError('CONFIG_INVALID', `${file} is larger than ${MAX_CHARS} characters`);
  const top: Node = { line: 0, kind: null, result: undefined, below: [] };
  const open: Node[] = [top];
  const listener = (event: 'open' | 'close', { line, kind, result }: State): void => {
    if (event === 'open') open.push({ line, kind: null, result: undefined, below: [] });
    else {
      const node = open.pop()!;
      Object.assign(node, { line: kind === 'scalar' ? line : node.line, kind, result });
      open.at(-1)!.below.push(node);
    }
  };
  const load = loadYaml();
  let value: unknown;
  try {
    value = load(text, { listener });
  } catch (thrown) {
    const { reason, mark } = (isObject(thrown) ? thrown : {}) as { reason?: string; mark?: { line?: number } };
    const says = `${file}:${(mark?.line ?? 0) + 1}: is not YAML: ${reason ?? 'it cannot be read'}`;
    throw new RouterError('CONFIG_INVALID', says);
  }
  return {
    value,
    lineOf(path) {
      let node: Node | undefined = top.below[0];
      let line: number | undefined;
      for (const step of path.split(/[.[\]]+/).filter((part) => part !== '')) {
        const found = stepInto(node, step);
        if (found === undefined) break;
        line = found.line + 1;
        node = found.node;
      }
      return line;
    },
  };
}
