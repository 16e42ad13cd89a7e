// PLACEHOLDER until the construct exists
export type { RouterInput } from '../infra/define.ts';
export { defineRouter } from '../infra/define.ts';
