// Runs inside the deliver function, and is bundled along.

import type { FnEvent } from 'busway';

export function handler(event: FnEvent): void {
  const { total } = event.data as { readonly total: number };
  console.log(JSON.stringify({ msg: 'a large order', id: event.id, total }));
}
