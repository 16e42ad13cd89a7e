// What must stand before an adapter is opened on this machine: for Kafka a broker and its topics. An adapter never
// creates either.

import type { Chosen } from '../router/document.ts';
import type { Io } from './command.ts';

export interface PrepareContext {
  readonly dataDir: string;
  readonly io: Io;
  /** False: use what runs, start and create nothing. */
  readonly start?: boolean;
}

export async function prepareBus(bus: Chosen, _context: PrepareContext): Promise<Chosen> {
  return bus;
}
