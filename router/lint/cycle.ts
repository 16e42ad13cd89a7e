// Rules whose target is this router's own intake: what they deliver comes in again. Told is only what surely matches
// again. `cloudevents` takes the event in unchanged; `standard-webhooks` makes a new event of the delivery, with the old
// one as its data, the same type and a source of its own. Other kinds refuse what the http target sends.

import type { Finding } from './finding.ts';
import { type Branch, isImplied, type NormalForm } from './normal-form.ts';
import { oneValue } from './values.ts';

export interface Sender {
  readonly name: string;
  readonly form: NormalForm;
  readonly to: { readonly kind: string; readonly options: Readonly<Record<string, unknown>> };
}

export interface Intake {
  readonly sources: readonly { readonly name: string; readonly kind: string }[];
  /** Where the router listens, if it is known; else any port of this machine is taken for it. */
  readonly port?: number;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const PREFIX = '/webhooks/';

/** The source at which a delivery comes in again. */
function intakeOf({ to }: Sender, { sources, port }: Intake): Intake['sources'][number] | undefined {
  const text = to.kind === 'http' ? to.options['url'] : undefined;
  const url = typeof text === 'string' ? URL.parse(text) : null;
  if (url === null || !LOOPBACK.test(url.hostname) || !url.pathname.startsWith(PREFIX)) return undefined;
  if (port !== undefined && Number(url.port || (url.protocol === 'https:' ? 443 : 80)) !== port) return undefined;
  const name = url.pathname.slice(PREFIX.length);
  return sources.find((source) => encodeURIComponent(source.name) === name || source.name === name);
}

/** What is known of the event that a delivery of an event of this branch becomes. */
function comesInAs(branch: Branch, source: Intake['sources'][number]): Branch | undefined {
  if (source.kind === 'cloudevents') return branch;
  if (source.kind !== 'standard-webhooks') return undefined;
  const known: Branch = new Map([
    ...[...branch].map(([path, taken]) => [`data.${path}`, taken] as const),
    ['source', { absent: false, sets: [oneValue(`${PREFIX}${encodeURIComponent(source.name)}`)] }],
  ]);
  const type = branch.get('type');
  return type === undefined ? known : new Map(known).set('type', type);
}

/** Rule to the rules that surely take what it delivers, and that deliver to this router themselves. */
function edgesOf(senders: readonly Sender[], intake: Intake): ReadonlyMap<string, readonly string[]> {
  const looped = senders.flatMap((sender) => {
    const source = intakeOf(sender, intake);
    return source === undefined ? [] : [{ sender, source }];
  });
  return new Map(
    looped.map(({ sender, source }) => {
      const next = looped.filter(({ sender: other }) =>
        sender.form.some((branch) => {
          const again = comesInAs(branch, source);
          return again !== undefined && other.form.some((wanted) => isImplied(again, wanted));
        }),
      );
      return [sender.name, next.map(({ sender: { name } }) => name)];
    }),
  );
}

/** The shortest way from a rule back to itself, both ends named. */
function wayBack(start: string, edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const queue: (readonly string[])[] = [[start]];
  const seen = new Set<string>();
  for (let way = queue.shift(); way !== undefined; way = queue.shift()) {
    for (const next of edges.get(way.at(-1)!) ?? []) {
      if (next === start) return [...way, next];
      if (!seen.has(next)) queue.push([...way, next]);
      seen.add(next);
    }
  }
  return undefined;
}

function findingOf(way: readonly string[], source: Intake['sources'][number], { port }: Intake): Finding {
  const [rule = '', ...others] = way;
  const { kind, name } = source;
  const round = others.length === 1 ? 'this rule takes it again' : `the rules ${way.join(' → ')} pass it round`;
  const unchanged = kind === 'cloudevents';
  const how = unchanged
    ? `as the same event, ${round}, and only the check for repeats stops it`
    : `as a new event each time, ${round}, and nothing stops it`;
  const out = `keep such events out by "source": [{ "anything-but": "${PREFIX}${name}" }] in 'when'`;
  return {
    rule,
    kind: 'cycle',
    // Another router may listen on another port of this machine.
    level: !unchanged && port !== undefined ? 'error' : 'warning',
    at: 'to.http.url',
    says: `is the intake of source '${name}'${port === undefined ? ', if this router listens there' : ''}: a delivery that is let in comes in ${how}`,
    fix: unchanged ? 'deliver elsewhere' : `deliver elsewhere, or ${out}`,
  };
}

/** Each way round is told once, at the rule that stands first in the document. */
export function lintCycles(senders: readonly Sender[], intake: Intake): readonly Finding[] {
  const edges = edgesOf(senders, intake);
  const told = new Set<string>();
  return senders.flatMap((sender): Finding[] => {
    const way = told.has(sender.name) ? undefined : wayBack(sender.name, edges);
    if (way === undefined) return [];
    for (const name of way) told.add(name);
    return [findingOf(way, intakeOf(sender, intake)!, intake)];
  });
}
