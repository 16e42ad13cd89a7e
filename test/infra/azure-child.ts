// What the worker of Azure Functions does with a bundle: has @azure/functions-core ready, loads the module, which registers its
// function there, and hands the handler a request of @azure/functions. Run as a process of its own in the bundle's folder.

import Module from 'node:module';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { HttpRequest, HttpResponse } from '@azure/functions';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

type Handler = (request: unknown) => Promise<ConstructorParameters<typeof HttpResponse>[0]>;

const registered: unknown[] = [];
const core = {
  registerFunction: (metadata: unknown) => void registered.push(metadata),
  setProgrammingModel: () => undefined,
  registerHook: () => undefined,
  log: () => undefined,
};
const { prototype } = Module as unknown as { prototype: { require(this: unknown, name: string): unknown } };
const original = prototype.require;
// As the worker does it: the module is nowhere on the disk.
prototype.require = function (name) {
  return name === '@azure/functions-core' ? core : original.call(this, name);
};

const requests = JSON.parse(await text(process.stdin)) as readonly Asked[];
const { handler } = (await import(pathToFileURL('index.mjs').href)) as { readonly handler: Handler };
process.stdout.write(`ANSWER ${JSON.stringify(registered)}\n`);
for (const { body, ...rest } of requests) {
  const request = new HttpRequest({ ...rest, body: { bytes: Buffer.from(body, 'base64') } });
  const response = new HttpResponse(await handler(request));
  process.stdout.write(`ANSWER ${JSON.stringify({ status: response.status, body: await response.text() })}\n`);
}
