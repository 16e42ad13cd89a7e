// The commands: a line each, loaded on demand so that a short command starts fast.

import type { Command } from './command.ts';

interface Known {
  readonly name: string;
  readonly says: string;
  readonly load: () => Promise<Command>;
}

const list: readonly Known[] = [
  {
    name: 'init',
    says: 'write a first project into this folder',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'dev',
    says: 'run the router here: webhook intake and delivery',
    load: async () => (await import('./commands/dev.ts')).dev,
  },
  {
    name: 'quickstart',
    says: 'see a routed, a forged, a repeated and a nearly routed event',
    load: async () => (await import('./commands/quickstart.ts')).quickstart,
  },
  {
    name: 'send',
    says: 'send signed events as a provider would',
    load: async () => (await import('./commands/send.ts')).send,
  },
  {
    name: 'match',
    says: 'which rules take these events',
    load: async () => (await import('./commands/match.ts')).match,
  },
  {
    name: 'filter',
    says: 'what each rule becomes on a bus: native filter and residual',
    load: async () => (await import('./commands/filter.ts')).filter,
  },
  {
    name: 'explain',
    says: 'why an event does not match a rule',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'convert',
    says: 'turn a rule condition into another dialect',
    load: async () => (await import('./commands/convert.ts')).convert,
  },
  {
    name: 'normalize',
    says: 'turn a request body into CloudEvents',
    load: async () => (await import('./commands/normalize.ts')).normalize,
  },
  {
    name: 'test',
    says: 'lint the rules and run their tests',
    load: async () => (await import('./commands/test.ts')).test,
  },
  {
    name: 'plan',
    says: 'what would change, what is wrong or near a limit, what it costs',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'bundle',
    says: 'each function as one file, for AWS, Google Cloud or Azure',
    load: async () => (await import('./commands/bundle.ts')).bundle,
  },
  {
    name: 'deploy',
    says: 'deploy the router to AWS by the CDK, or only synthesize it',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  { name: 'tail', says: 'show events on the bus', load: async () => (await import('./commands/tail.ts')).tail },
  {
    name: 'failures',
    says: 'list what could not be delivered',
    load: async () => (await import('./commands/failures.ts')).failures,
  },
  {
    name: 'redrive',
    says: 'deliver failures again, to their target only',
    load: async () => (await import('./commands/redrive.ts')).redrive,
  },
  {
    name: 'kafka',
    says: 'a real Kafka on this machine: up, down, status',
    load: async () => (await import('./commands/kafka.ts')).kafka,
  },
];

export const commands: Readonly<Record<string, Known>> = Object.fromEntries(list.map((known) => [known.name, known]));
