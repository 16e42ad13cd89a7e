// The names that rules use, as a tree: what to read of an event, and nothing else. A path is names joined by '.', in
// rules and events alike, so each level also knows its deeper names in joined form ('a.b' beside 'a').

/** A place in events that some rule names. */
export interface FieldNode {
  readonly name: string;
  readonly parent: FieldNode | undefined;
  readonly children: Map<string, FieldNode>;
  /** How many places are below. */
  below: number;
  /** Where values of this place go; -1 when no rule has a leaf here. */
  slot: number;
  /** How to look below it; made when first needed, dropped when names come or go. */
  lookup: Lookup | undefined;
}

export interface NamedBytes {
  readonly bytes: Buffer;
  readonly node: FieldNode;
}

export interface Lookup {
  readonly byName: ReadonlyMap<string, FieldNode>;
  /** Names to read from a parsed object one by one; undefined when going over the object's own names is cheaper. */
  readonly few: readonly string[] | undefined;
  readonly nodes: readonly FieldNode[];
  /** By the length in bytes of a name: the few names of that length; null means too many, use byName. */
  readonly byLength: readonly (readonly NamedBytes[] | null | undefined)[];
}

// Beyond, an event has fewer names than the rules.
const FEW_NAMES = 24;
const FEW_OF_A_LENGTH = 6;

export function createField(name: string, parent: FieldNode | undefined): FieldNode {
  return { name, parent, children: new Map(), below: 0, slot: -1, lookup: undefined };
}

/** A place came or went below: all above it must look anew. */
function changed(from: FieldNode | undefined, by: 1 | -1): void {
  for (let node = from; node !== undefined; node = node.parent) {
    node.lookup = undefined;
    node.below += by;
  }
}

/** The node of a path, made with all above it where it is new. */
export function fieldAt(root: FieldNode, path: string): FieldNode {
  let node = root;
  for (const name of path.split('.')) {
    let child = node.children.get(name);
    if (child === undefined) {
      child = createField(name, node);
      node.children.set(name, child);
      changed(node, 1);
    }
    node = child;
  }
  return node;
}

/** Takes a node out that nothing uses any more, with what above it was there only for it. */
export function prune(node: FieldNode): void {
  let dead = node;
  while (dead.slot === -1 && dead.children.size === 0 && dead.parent !== undefined) {
    const { parent } = dead;
    parent.children.delete(dead.name);
    changed(parent, -1);
    dead = parent;
  }
}

function collect(node: FieldNode, prefix: string, into: Map<string, FieldNode>): void {
  for (const [name, child] of node.children) {
    into.set(prefix + name, child);
    collect(child, `${prefix}${name}.`, into);
  }
}

function makeLookup(node: FieldNode): Lookup {
  const byName = new Map<string, FieldNode>();
  collect(node, '', byName);
  const byLength: (NamedBytes[] | null | undefined)[] = [];
  for (const [name, child] of byName) {
    // Only an escape can write half a pair; such names are looked up as text.
    if (!name.isWellFormed()) continue;
    const bytes = Buffer.from(name, 'utf8');
    while (byLength.length <= bytes.length) byLength.push(undefined);
    const same = byLength[bytes.length];
    if (same === undefined) byLength[bytes.length] = [{ bytes, node: child }];
    else if (same !== null) {
      same.push({ bytes, node: child });
      if (same.length > FEW_OF_A_LENGTH) byLength[bytes.length] = null;
    }
  }
  const names = [...byName.keys()];
  // A name that every object inherits must be asked for as an own one.
  const plain = names.length <= FEW_NAMES && !names.some((name) => name in Object.prototype);
  return { byName, few: plain ? names : undefined, nodes: [...byName.values()], byLength };
}

export function lookupOf(node: FieldNode): Lookup {
  node.lookup ??= makeLookup(node);
  return node.lookup;
}
