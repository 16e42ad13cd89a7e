// Event Grid under `busway dev`: nothing is made; the definitions of what is missing are printed as a template. A custom topic
// shows nobody its subscriptions, and a namespace shows no list of them: so the data folder keeps the names that were in use
// here, and what an earlier filter left behind can be told and drained.

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AdapterParts } from '../adapters/adapter.ts';
import { nameOf } from '../adapters/eventgrid/definitions.ts';
import { existingSubscriptions } from '../adapters/eventgrid/existing.ts';
import { ruleOfSubscription } from '../adapters/eventgrid/filter.ts';
import { type EventGridOptions, toEventGridOptions } from '../adapters/eventgrid/options.ts';
import { type BusAndRules, eventgridDocument } from '../infra/documents.ts';
import { isObject } from '../router/config.ts';
import { toRouterError } from '../router/errors.ts';
import { type Formerly, type RulesContext, sortFormer, tellFormer } from './former.ts';

const LOOK_MS = 30_000;
const FILE = 'subscriptions.json';
const DEPLOY = 'az deployment group create --resource-group GROUP --template-file FILE';

/** Topic → the names of its subscriptions that this folder's routers have used. What cannot be read is forgotten. */
async function readKnown(dataDir: string): Promise<Record<string, readonly string[]>> {
  try {
    const known: unknown = JSON.parse(await readFile(join(dataDir, FILE), 'utf8'));
    const lists = isObject(known) ? Object.entries(known) : [];
    return Object.fromEntries(lists.map(([topic, names]) => [topic, Array.isArray(names) ? names.map(String) : []]));
  } catch {
    return {};
  }
}

/** Whole or not at all: what an old subscription still holds is only read while its name is known. */
async function writeKnown(dataDir: string, known: Record<string, readonly string[]>): Promise<void> {
  const fresh = join(dataDir, `${FILE}.new`);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    await writeFile(fresh, JSON.stringify(known), { mode: 0o600 });
    await rename(fresh, join(dataDir, FILE));
  } catch (thrown) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw thrown;
  }
}

interface Place {
  readonly document: BusAndRules;
  readonly options: EventGridOptions;
  readonly endpoint: string | undefined;
  /** Subscription → its rule. */
  readonly current: ReadonlyMap<string, BusAndRules['rules'][number]>;
  /** Names that were in use here before. */
  readonly old: readonly string[];
}

/** The template stands alone on its line, to be put into a file. */
function tellTemplate(
  says: string,
  rules: BusAndRules['rules'],
  { document, endpoint }: Place,
  { tell }: RulesContext,
) {
  if (rules.length === 0) return;
  const template = eventgridDocument({ bus: document.bus, rules }, endpoint === undefined ? {} : { endpoint });
  tell(`${says}: ${DEPLOY}`, JSON.stringify(template));
}

function tellCustomTopic(place: Place, context: RulesContext): void {
  const { document, old } = place;
  const { tell } = context;
  tell('events are published; Event Grid pushes them to the push function, so they are delivered there and not here');
  const says = 'which event subscriptions exist can only be seen in Azure. This template defines all of them';
  tellTemplate(says, document.rules, place, context);
  if (old.length > 0)
    tell(`filters changed: once the new event subscriptions exist, drain and delete ${old.join(', ')}`);
}

/** Those of `old` that are there, all of them where that cannot be seen: asking for one that is gone does no harm. */
async function lookAtNamespace(place: Place, context: RulesContext): Promise<readonly string[]> {
  const { document, options, current, old } = place;
  const { io, dataDir } = context;
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  const parts: AdapterParts = { dataDir, now: io.now, env: io.env, onWarning };
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(LOOK_MS)]);
  try {
    const asked = { options: document.bus.options, names: [...current.keys(), ...old] };
    const existing = await existingSubscriptions(asked, parts, signal);
    const lacking = [...current].filter(([name]) => !existing.has(name)).map(([, rule]) => rule);
    const says = `missing event subscriptions of topic '${options.topic}'; nothing is made here. Deploy this template`;
    tellTemplate(says, lacking, place, context);
    return old.filter((name) => existing.has(name));
  } catch (thrown) {
    onWarning(toRouterError(thrown, 'BUS_UNAVAILABLE').message);
    const says = 'what exists cannot be seen from here. The rules need what this template defines';
    tellTemplate(says, document.rules, place, context);
    return old;
  }
}

/** The old subscriptions of each rule, where they are pulled. */
export async function prepareEventGrid(document: BusAndRules, context: RulesContext): Promise<Formerly> {
  const { dataDir, io, tell } = context;
  const { bus, rules } = document;
  const options = toEventGridOptions(bus.options);
  const endpoint = options.endpoint ?? io.env('EVENTGRID_ENDPOINT');
  const current = new Map(rules.map((rule) => [nameOf(rule, options), rule]));
  const known = await readKnown(dataDir);
  const topic = `${endpoint} ${options.topic ?? ''}`.trim();
  const old = (known[topic] ?? []).filter((name) => !current.has(name));
  const place: Place = { document, options, endpoint, current, old };
  const isPulled = options.topic !== undefined;
  if (!isPulled) tellCustomTopic(place, context);
  const left = isPulled ? await lookAtNamespace(place, context) : [];
  await writeKnown(dataDir, { ...known, [topic]: [...current.keys(), ...left] });
  const names = rules.map(({ name }) => name);
  const sorted = sortFormer(left, (name) => ruleOfSubscription(name, options.subscriptionPrefix, names), rules);
  tellFormer(sorted, tell);
  return sorted.formerly;
}
