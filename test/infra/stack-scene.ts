// A stack with one router, synthesized as `busway deploy` does it: with the same flags, in a folder that goes when the
// test ends. What a test looks at is the template.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { App, CfnResource, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { RouterInput } from '../../infra/define.ts';
import { EventRouter, type EventRouterProps } from '../../infra/event-router.ts';
import { cdkFlags } from '../../infra/stack.ts';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever CloudFormation takes
  readonly Properties: any;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Synthesized {
  readonly app: App;
  readonly stack: Stack;
  readonly router: EventRouter;
  readonly dir: string;
  /** Synthesizes at the first call. Throws what synth throws. */
  template(): Template;
  /** Logical id → resource, of one type. */
  all(type: string): Readonly<Record<string, Resource>>;
}

export interface SceneProps extends Partial<Omit<EventRouterProps, 'router'>> {
  readonly stack?: StackProps;
  /** Called with the stack before the router is made, for props that are constructs. */
  readonly also?: (stack: Stack) => Partial<EventRouterProps>;
}

export const list = fileURLToPath(new URL('../../serverless.yml', import.meta.url));

/** A test, or all tests of a file. */
export interface Ends {
  after(work: () => void): void;
}

export function folder(t: Ends): string {
  const dir = mkdtempSync(join(tmpdir(), 'busway-stack-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function synthesize(t: Ends, router: RouterInput, given: SceneProps = {}): Synthesized {
  const { stack: stackProps, also, ...props } = given;
  const dir = folder(t);
  const app = new App({ outdir: join(dir, 'cdk.out'), context: cdkFlags(), analyticsReporting: false });
  const stack = new Stack(app, 'Busway', stackProps);
  const made = new EventRouter(stack, 'Router', {
    functionsFile: list,
    baseDir: dir,
    outDir: join(dir, 'dist'),
    prefix: 'busway',
    ...props,
    ...also?.(stack),
    router,
  });
  let template: Template | undefined;
  const read = (): Template => {
    template ??= app.synth().getStackByName('Busway').template as Template;
    return template;
  };
  return {
    app,
    stack,
    router: made,
    dir,
    template: read,
    all: (type) => Object.fromEntries(Object.entries(read().Resources).filter(([, { Type }]) => Type === type)),
  };
}

/** A document of every kind of source and target, on EventBridge. */
export const orders: RouterInput = {
  bus: { use: 'eventbridge', bus: 'orders' },
  sources: {
    github: { use: 'github' },
    partner: { use: 'standard-webhooks' },
    anyone: { use: 'cloudevents', open: true },
  },
  rules: [
    {
      name: 'placed',
      when: { type: ['order.placed'], data: { total: [{ numeric: ['>', 100] }] } },
      to: { http: { url: 'https://ci.example.com/hooks', secret: 'CI_SECRET' } },
      retry: { attempts: 3 },
    },
    { name: 'to.chat', when: { data: { note: [null] } }, to: { slack: { webhook: 'CHAT_URL', text: 'new' } } },
    {
      name: 'to_lambda',
      when: "type = 'order.paid'",
      to: { fn: { arn: 'arn:aws:lambda:eu-west-1:123456789012:function:paid' } },
    },
    { name: 'all', when: { source: [{ exists: true }] }, to: { log: {} } },
  ],
};

/** Logical id → resource, of all that lies below a construct. */
export function below(scene: Synthesized, construct: Construct): Readonly<Record<string, Resource>> {
  const { Resources } = scene.template();
  const ids = construct.node
    .findAll()
    .filter((one) => CfnResource.isCfnResource(one))
    .map(({ logicalId }) => scene.stack.resolve(logicalId) as string);
  return Object.fromEntries(ids.map((id) => [id, Resources[id]!]));
}

let made: Synthesized | undefined;

/** The router of `orders`, made once for the tests of a file that only look at it. */
export function standard(): Synthesized {
  made ??= synthesize({ after }, orders);
  return made;
}
