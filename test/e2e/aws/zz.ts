import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findMiniStack, region, account } from '../../adapters/eventbridge/ministack.ts';
import { createCalls } from './calls.ts';
import { loadStack } from './load.ts';
import { synthesize } from './synth.ts';
import { startTargets } from './targets.ts';
import { shapes } from '../../functions/hosts/aws-events.ts';
import { githubSample } from '../../../functions/sources/github-samples.ts';
import { open } from '../../../functions/sources/github.ts';

const t0 = performance.now();
const at = (w: string) => console.log(Math.round(performance.now() - t0), w);
const dir = mkdtempSync(join(tmpdir(), 'zz-'));
const targets = await startTargets();
const s = synthesize({
    bus: { use: 'eventbridge', bus: 'e2e' },
    sources: { github: { use: 'github' } },
    rules: [
      { name: 'a.b', when: { type: [{ prefix: 'com.github.' }] }, to: { http: { url: targets.urlOf('/a'), allow: ['127.0.0.1/32'], secret: 'SIGN_A' } }, retry: { attempts: 2 } },
    ],
  } as never, dir);
at('synth');
const found = findMiniStack();
if (!found.ok) throw new Error(found.reason);
const mini = await found.start({ AUTH: 'true', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
at('mini');
try {
const calls = createCalls({ endpoint: mini.endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
const loaded = await loadStack(s, { calls, region, account, environment: { AWS_ENDPOINT_URL: mini.endpoint } });
at('loaded');
console.log(loaded.made, loaded.left);
const gh = loaded.value(s.places.secrets.get('BUSWAY_SECRET_GITHUB'));
await calls.json('secretsmanager', 'PutSecretValue', { SecretId: loaded.value(s.places.secrets.get('SIGN_A')), SecretString: 'whsec_' + Buffer.alloc(32, 7).toString('base64') });
const secret = String((await calls.json('secretsmanager', 'GetSecretValue', { SecretId: gh })).SecretString);
const source = open({}, { name: 'github' });
const { headers, body } = source.simulate('pull_request.opened', 'x', secret, new Date());
at('invoke');
console.log(await calls.invoke(loaded.value(s.places.functions.get('webhook')), shapes['HTTP API']!({ method: 'POST', path: '/webhooks/github', headers, body })));
at('answered');
for (let i = 0; i < 100 && targets.count() === 0; i++) await new Promise((r) => setTimeout(r, 50));
at('arrived ' + targets.count());
await new Promise((r) => setTimeout(r, 500));
for (const n of ['webhook', 'deliver']) {
const g = await calls.json('logs', 'FilterLogEvents', { logGroupName: loaded.value(s.places.logs.get(n)) });
console.log(JSON.stringify(g, null, 1).slice(0, 3000));
}
} finally { await mini.stop(); await targets.close(); at('end'); }
