// The functions-framework's own loader, options and server, as its program puts them together; only that it listens on this
// machine alone (the program listens on all addresses). Run as a process of its own in the bundle's folder.

import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

interface Options {
  readonly sourceLocation: string;
  readonly target: string;
  readonly signatureType: string;
}

const require = createRequire(import.meta.url);
const part = (name: string): never =>
  require(require.resolve('@google-cloud/functions-framework').replace(/index\.js$/, `${name}.js`)) as never;

const { parseOptions } = part('options') as { parseOptions(args: readonly string[]): Options };
const { getUserFunction } = part('loader') as {
  getUserFunction(source: string, target: string, type: string): Promise<{ readonly userFunction: unknown } | null>;
};
const { getServer } = part('server') as { getServer(userFunction: unknown, options: Options): Server };

const options = parseOptions(['node', 'functions-framework', '--target=handler', '--signature-type=http']);
const loaded = await getUserFunction(process.cwd(), options.target, options.signatureType);
if (loaded === null) throw new Error('the framework found no function');
const server = getServer(loaded.userFunction, options);
server.listen(0, '127.0.0.1', () => console.log(`LISTENING ${(server.address() as AddressInfo).port}`));
