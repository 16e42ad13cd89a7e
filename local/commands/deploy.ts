// busway deploy: the router document as a stack of AWS, by the CDK. Looks for every mistake itself first, so that nothing is
// begun with one; then the CDK CLI bundles, synthesizes and deploys (infra/app.ts). Reads no secret; --dry-run reaches no
// network.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AppSettings, busNameFor } from '../../infra/app-settings.ts';
import { surveyRouter } from '../../infra/aws/document.ts';
import type { AwsPlan } from '../../infra/aws/plan-data.ts';
import { soundPlan } from '../../infra/aws-plan.ts';
import { readFunctions } from '../../infra/functions.ts';
import { readRouter } from '../../infra/read-router.ts';
import { RouterError } from '../../router/errors.ts';
import { knownRegion } from '../aws-region.ts';
import { settingsOf } from '../cdk-settings.ts';
import { type Args, type Command, type Io, shared } from '../command.ts';

const CDK = 'aws-cdk@2.1148.1';

/** Throws with every mistake of the document, of the list of functions and of cdk.json. */
async function planOf(config: string, settings: AppSettings, { cwd }: Io): Promise<AwsPlan> {
  const { router } = await readRouter(config, cwd);
  const file = join(cwd, 'serverless.yml');
  const { stack: _stack, bus: _bus, kafkaSecret: _login, ruleStacks: _nested, ...rest } = settings;
  const busName = busNameFor(router, settings);
  const functions = readFunctions(existsSync(file) ? file : undefined);
  return soundPlan(surveyRouter({ router, functions, ...rest, ...(busName !== undefined && { busName }) }));
}

/** A stack with an empty secret would stop what runs until somebody fills it in. */
function missingSecrets({ secrets }: AwsPlan): readonly string[] {
  const missing = secrets.filter(({ form, existing }) => form === 'given' && existing === undefined);
  const example = `"context": { "busway": { "secrets": { "${missing[0]?.variable}": "its name" } } }`;
  const lines = missing.map(
    ({ variable, at }) => `${at}: ${variable} comes from someone else, and no secret is named for it`,
  );
  return lines.map(
    (line) => `${line}; make one (aws secretsmanager create-secret) and name it in cdk.json: ${example}`,
  );
}

/** Throws SECRET_MISSING or CONFIG_INVALID with all that a deployment needs and nobody has said. */
async function checkReady(plan: AwsPlan, { env }: Io): Promise<void> {
  const secrets = missingSecrets(plan);
  const region = (await knownRegion(env)) === undefined;
  const missing = [
    ...secrets,
    ...(region ? ['region: it is not set; set AWS_REGION, or a region in the profile'] : []),
  ];
  if (missing.length === 0) return;
  const code = secrets.length > 0 ? 'SECRET_MISSING' : 'CONFIG_INVALID';
  throw new RouterError(code, `nothing is deployed, because something is missing\n  ${missing.join('\n  ')}`);
}

/** Throws UNSUPPORTED where a package of the CDK is missing. */
function cliOf(cwd: string): string {
  const { resolve } = createRequire(join(cwd, 'package.json'));
  const find = (path: string): string => {
    try {
      return resolve(path);
    } catch (cause) {
      const says = `busway deploy needs the CDK and its CLI; install them with: npm install --save-dev ${CDK} aws-cdk-lib@2 constructs@10 esbuild@0.28`;
      throw new RouterError('UNSUPPORTED', says, { cause });
    }
  };
  for (const library of ['aws-cdk-lib/package.json', 'constructs/package.json', 'esbuild/package.json']) find(library);
  return find('aws-cdk/bin/cdk');
}

/** The project's app, else the package's own. */
function appOf(cwd: string): string {
  const own = join(cwd, 'infra', 'app.ts');
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return existsSync(own) ? own : fileURLToPath(new URL(`../../infra/app${ending}`, import.meta.url));
}

const quoted = (path: string): string => `'${path.replaceAll("'", "'\\''")}'`;

/** The CLI's output goes to stderr where stdout is for machines. Resolves to its exit code. */
function runCdk(args: readonly string[], { cwd, signal }: Io, quiet: boolean): Promise<number> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'] });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? 1);
    });
  });
}

// Nothing is told to anybody: with these no connection is made (facts: four attempts without them).
const SILENT = ['--no-notices', '--no-version-reporting', '--context', 'cli-telemetry=false'];

async function run(args: Args, io: Io): Promise<number> {
  const config = args.string('config') ?? 'infra/router.ts';
  const dryRun = args.flag('dry-run');
  const settings = await settingsOf(io.cwd);
  const plan = await planOf(config, settings, io);
  if (!dryRun) await checkReady(plan, io);
  const cli = cliOf(io.cwd);
  const command = dryRun
    ? ['synth', '--quiet']
    : ['deploy', '--require-approval', args.flag('yes') ? 'never' : 'broadening'];
  const place = dryRun ? [] : ['--context', 'busway:deploy=true'];
  // The CLI hands it to a shell, and takes quotes at both ends for quotes around the whole.
  const app = `exec ${quoted(process.execPath)} ${quoted(appOf(io.cwd))}`;
  const output = join(io.cwd, 'cdk.out');
  const asked = ['--app', app, '--context', `busway:config=${config}`, '--output', output];
  const code = await runCdk([cli, ...command, ...asked, ...SILENT, ...place], io, args.flag('json'));
  if (code !== 0) return 1;
  const template = relative(io.cwd, join(output, `${settings.stack}.template.json`));
  const facts = { stack: settings.stack, template, rules: plan.rules.length, deployed: !dryRun };
  if (args.flag('json')) io.out(JSON.stringify(facts));
  else if (dryRun) io.out(`${facts.rules} rules in the stack ${facts.stack}: ${template} (nothing was deployed)`);
  return 0;
}

export const deploy: Command = {
  name: 'deploy',
  usage: 'deploy [--config FILE] [--dry-run] [--yes] [--json]',
  says:
    'Deploys the router to AWS by the CDK: HTTP API, bus, a rule and its queues for each rule, functions, secrets, alarms. Every\n' +
    "mistake is told before anything is begun. Account and region are those of your AWS login; the stack's name, its bus and\n" +
    'secrets that exist stand in cdk.json under context.busway. --dry-run only writes the template, and dist/ for osls.',
  example: 'busway deploy --dry-run',
  options: {
    config: shared.config,
    'dry-run': { type: 'boolean', says: 'write the template and the bundles, reach no network' },
    yes: { type: 'boolean', says: 'do not ask before rights are widened' },
    json: { type: 'boolean', says: 'one JSON object on stdout; what the CDK says goes to stderr' },
  },
  run,
};
