// What the rule 'large-orders' calls. Plain functions: greeting() is tested without a router.

import type { FnEvent } from 'busway';

interface Order {
  readonly total: number;
  readonly customer?: string;
}

export function greeting({ total, customer = 'somebody' }: Order): string {
  return `${customer} ordered for ${total}: say thank you`;
}

export function handler(event: FnEvent): void {
  console.log(greeting(event.data as Order));
}
