// The option table of the embedded bus. Pure; loaded by the registry.

import type { OptionTable } from '../../router/config.ts';

export const embeddedOptions: OptionTable = {};
