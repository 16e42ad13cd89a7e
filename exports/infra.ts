// What `import … from 'busway/infra'` gives: the CDK construct of a router on AWS, for an app of one's own. Needs aws-cdk-lib
// and constructs on import, and esbuild when a router is made.

import type * as Construct from '../infra/event-router.ts';
import { loadOptional } from './load-optional.ts';

export type { RouterInput } from '../infra/define.ts';
export { defineRouter } from '../infra/define.ts';
export type { EventRouterProps } from '../infra/event-router.ts';

const loaded = loadOptional<typeof Construct>('busway/infra', '../infra/event-router', ['aws-cdk-lib', 'constructs']);

export const EventRouter: typeof Construct.EventRouter = loaded.EventRouter;
export type EventRouter = Construct.EventRouter;
