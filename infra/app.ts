// The CDK app of `busway deploy`, also for `cdk synth` and `cdk deploy` by hand (cdk.json): the router document as a stack, and
// dist/serverless.json for osls. Context: 'busway' (app-settings.ts), 'busway:config' (the document), 'busway:deploy' (an
// account and a region have to be known).

import { App } from 'aws-cdk-lib';
import { RouterError } from '../router/errors.ts';
import { busNameFor, readAppSettings } from './app-settings.ts';
import { readRouter } from './read-router.ts';
import { serverlessFile, writeServerlessFile } from './serverless.ts';
import { cdkFlags, RouterStack } from './stack.ts';

const DIST = 'dist';

interface Place {
  readonly account?: string;
  readonly region?: string;
}

/** As the CDK CLI found them: in the environment, a profile, a login. */
function placeOf(env: Readonly<Record<string, string | undefined>>): Place {
  const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = env;
  return { ...(account && { account }), ...(region && { region }) };
}

/** Throws CONFIG_INVALID. */
function checkPlace({ account, region }: Place): void {
  const missing = [
    ...(account ? [] : ['account: no credentials of AWS were found; log in, or set AWS_PROFILE']),
    ...(region ? [] : ['region: it is not set; set AWS_REGION, or a region in the profile']),
  ];
  if (missing.length === 0) return;
  throw new RouterError(
    'CONFIG_INVALID',
    `nothing is deployed, because its place is not known\n  ${missing.join('\n  ')}`,
  );
}

async function build(app: App, place: Place): Promise<void> {
  const asked = (name: string): unknown => app.node.tryGetContext(name);
  const settings = readAppSettings(asked('busway'));
  const { stack: name, bus: _bus, ...given } = settings;
  if (asked('busway:deploy') !== undefined) checkPlace(place);
  const { router, baseDir } = await readRouter(String(asked('busway:config') ?? 'infra/router.ts'), process.cwd());
  const busName = busNameFor(router, settings);
  const stack = new RouterStack(app, name, {
    router,
    baseDir,
    outDir: DIST,
    ...given,
    ...(busName !== undefined && { busName }),
    stack: { env: place },
  });
  writeServerlessFile(`${DIST}/serverless.json`, serverlessFile(stack.router.plan, given));
}

try {
  // Its stacks are written when nothing is left to do.
  await build(new App({ context: cdkFlags() }), placeOf(process.env));
} catch (thrown) {
  if (!(thrown instanceof RouterError)) throw thrown;
  process.stderr.write(`${thrown.message} (${thrown.code})\n`);
  process.exit(1);
}
