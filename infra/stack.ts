// The stack of `busway deploy`: one router, and what a person needs to know of it afterwards. An app of one's own takes the
// construct instead (event-router.ts).

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { CfnOutput, NestedStack, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { EventRouter, type EventRouterProps } from './event-router.ts';

/** The CDK's flags as a new project has them; given to the app, so that a template does not depend on a project's cdk.json. */
export function cdkFlags(): Record<string, unknown> {
  return createRequire(import.meta.url)('aws-cdk-lib/recommended-feature-flags.json') as Record<string, unknown>;
}

export interface RouterStackProps extends EventRouterProps {
  readonly stack?: StackProps;
  /** In how many nested stacks the rules stand; changed later, it makes their queues anew. @default 0: in this one */
  readonly ruleStacks?: number;
}

/** The nested stack of a rule, by its name alone, so that no other rule moves it. */
function nestedIn(stack: Stack, count: number): (rule: string) => NestedStack {
  const made = new Map<number, NestedStack>();
  return (rule) => {
    const place = createHash('sha256').update(rule).digest().readUInt32BE() % count;
    const found = made.get(place) ?? new NestedStack(stack, `Rules${place}`);
    made.set(place, found);
    return found;
  };
}

export class RouterStack extends Stack {
  readonly router: EventRouter;

  /** Throws as EventRouter does. */
  constructor(scope: Construct, id: string, { stack, ruleStacks = 0, ...props }: RouterStackProps) {
    super(scope, id, { description: 'a Busway router', ...stack });
    const nested = ruleStacks === 0 ? {} : { scopeOf: nestedIn(this, ruleStacks) };
    this.router = new EventRouter(this, 'Router', { ...props, ...nested });
    const { intake, functions, plan, secrets } = this.router;
    this.#output('WebhookUrl', intake.url, 'where senders post to, followed by the name of a source');
    const redrive = functions.get('redrive');
    if (redrive)
      this.#output('RedriveFunction', redrive.fn.functionName, 'delivers failures again: {"rule":"…","all":true}');
    for (const { variable, form, existing } of plan.secrets) {
      const says = existing === undefined && form === 'given' ? 'to be filled in' : 'in force';
      this.#output(`Secret${variable.replaceAll('_', '')}`, secrets.get(variable)!.secretArn, `${variable}: ${says}`);
    }
  }

  #output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}
