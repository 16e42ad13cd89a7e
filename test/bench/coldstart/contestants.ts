// Who starts: our bundles as they are deployed, the AWS SDK bundled alone, and a handler that does nothing. Each is one file,
// made by esbuild with the same settings, in a folder without node_modules.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { bundleFunctions } from '../../../infra/bundle.ts';
import type { RouterInput } from '../../../infra/define.ts';
import { headersOf, pushBodies } from '../payload.ts';

export type ContestantName = 'eventbridge' | 'sdk' | 'pubsub' | 'empty';

export interface ContestantFiles {
  readonly how: 'lambda' | 'framework';
  /** The URL of its module. */
  readonly bundle: string;
  /** What its handler is called with, as JSON. */
  readonly request: string;
  /** Variables of its own. */
  readonly env?: Readonly<Record<string, string>>;
}

const PROJECT = 'bench-project';

const shared: Pick<RouterInput, 'sources' | 'rules'> = {
  sources: { github: { use: 'github' } },
  rules: [
    { name: 'pushes', when: { type: ['com.github.push'] }, to: { http: { url: 'https://ci.example.com/hooks' } } },
  ],
};

/** The client and its one call, as AWS's guides write it. */
const SDK = `import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
const client = new EventBridgeClient({});
export const handler = async ({ body }) => {
  const entry = { EventBusName: 'bench', Source: 'bench', DetailType: 'bench', Detail: body };
  const { FailedEntryCount } = await client.send(new PutEventsCommand({ Entries: [entry] }));
  return { statusCode: FailedEntryCount === 0 ? 202 : 503 };
};
`;
const EMPTY = 'export const handler = async () => ({ statusCode: 202 });\n';
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

function bundleOf(dir: string, contents: string): string {
  const outfile = join(dir, 'index.mjs');
  const stdin = { contents, resolveDir: import.meta.dirname, loader: 'js' } as const;
  const settings = { bundle: true, minify: true, platform: 'node', target: 'node24', format: 'esm' } as const;
  buildSync({ stdin, outfile, ...settings, banner: { js: REQUIRE }, sourcemap: true, logLevel: 'silent' });
  return outfile;
}

function requestsIn(dir: string): Readonly<Record<'lambda' | 'framework', string>> {
  const [body] = pushBodies();
  const headers = { ...headersOf(body!), 'x-github-delivery': '11111111-1111-1111-1111-111111111111' };
  const requests = {
    lambda: {
      version: '2.0',
      rawPath: '/webhooks/github',
      rawQueryString: '',
      headers,
      requestContext: { http: { method: 'POST' }, stage: '$default' },
      body: body!.toString(),
      isBase64Encoded: false,
    },
    framework: { method: 'POST', url: '/webhooks/github', headers, body: body!.toString('base64') },
  };
  const write = (how: keyof typeof requests): string => {
    const file = join(dir, `${how}.json`);
    writeFileSync(file, JSON.stringify(requests[how]));
    return file;
  };
  return { lambda: write('lambda'), framework: write('framework') };
}

/** `endpoint`: of the stub, for the bus whose document names it. */
export function makeContestants(dir: string, endpoint: string): Readonly<Record<ContestantName, ContestantFiles>> {
  const requests = requestsIn(dir);
  const ours = (document: RouterInput, cloud: 'aws' | 'gcp'): string => {
    const request = { document, baseDir: dir, functions: [{ name: 'webhook' }], outDir: join(dir, cloud), cloud };
    return join(bundleFunctions(request)[0]!.dir, 'index.mjs');
  };
  const alone = (name: string, contents: string): string => {
    mkdirSync(join(dir, name));
    return bundleOf(join(dir, name), contents);
  };
  const files = (how: 'lambda' | 'framework', file: string): ContestantFiles => ({
    how,
    bundle: pathToFileURL(file).href,
    request: requests[how],
  });
  return {
    eventbridge: {
      ...files('lambda', ours({ ...shared, bus: { use: 'eventbridge', bus: 'bench' } }, 'aws')),
      // As the stack sets it, for stack traces that a person can read; a tenth of the start.
      env: { NODE_OPTIONS: '--enable-source-maps' },
    },
    sdk: files('lambda', alone('sdk', SDK)),
    pubsub: files('framework', ours({ ...shared, bus: { use: 'pubsub', project: PROJECT, endpoint } }, 'gcp')),
    empty: files('lambda', alone('empty', EMPTY)),
  };
}
