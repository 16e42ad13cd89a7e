// What Lambda's runtime does with a bundle, for tests: loads the module, calls its handler with each event of stdin, tells the
// answers. Run as a process of its own in the bundle's folder, so that nothing but the bundle is there.

import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

type Handler = (event: unknown, context: object) => Promise<unknown>;

const events = JSON.parse(await text(process.stdin)) as readonly unknown[];
const { handler } = (await import(pathToFileURL('index.mjs').href)) as { readonly handler: Handler };
for (const event of events) {
  const answer = await handler(event, { getRemainingTimeInMillis: () => 20_000 }).catch((thrown: unknown) => ({
    thrown: String(thrown),
    code: (thrown as { code?: unknown }).code,
  }));
  process.stdout.write(`ANSWER ${JSON.stringify(answer)}\n`);
}
