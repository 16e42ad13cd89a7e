// The embedded bus in a plan: a log in one file of the data folder. Nothing is made beforehand, nothing is limited.

import { type BusPlan, withoutLimits } from '../bus-plan.ts';

export const embeddedPlan: BusPlan = { ...withoutLimits, resources: () => [] };
