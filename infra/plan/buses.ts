// The buses that plan knows: a line each.

import type { BusPlan } from './bus-plan.ts';
import { embeddedPlan } from './buses/embedded.ts';
import { eventbridgePlan } from './buses/eventbridge.ts';
import { eventgridPlan } from './buses/eventgrid.ts';
import { kafkaPlan } from './buses/kafka.ts';
import { pubsubPlan } from './buses/pubsub.ts';

export const busPlans: Readonly<Record<string, BusPlan>> = {
  embedded: embeddedPlan,
  kafka: kafkaPlan,
  eventbridge: eventbridgePlan,
  eventgrid: eventgridPlan,
  pubsub: pubsubPlan,
};
