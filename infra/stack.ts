// The stack of `busway deploy`: one router, and what a person needs to know of it afterwards. An app of one's own takes the
// construct instead (event-router.ts).

import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { EventRouter, type EventRouterProps } from './event-router.ts';

export interface RouterStackProps extends EventRouterProps {
  readonly stack?: StackProps;
}

export class RouterStack extends Stack {
  readonly router: EventRouter;

  /** Throws as EventRouter does. */
  constructor(scope: Construct, id: string, { stack, ...props }: RouterStackProps) {
    super(scope, id, { description: 'a Busway router', ...stack });
    this.router = new EventRouter(this, 'Router', props);
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
