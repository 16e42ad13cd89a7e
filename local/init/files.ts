// The files of a first project, as `busway init` writes them. Data only; test/local/commands/init.test.ts checks their types
// and runs them. Everything stands under infra/, so that a project of any module kind can take it (see package-json.ts).

const router = `// The one file to edit: where events come from, and which rule sends them where. \`npx busway dev\` runs it on this machine.

import { defineRouter } from 'busway';

export default defineRouter({
  bus: 'embedded', // a log in .busway/; also 'kafka' and the clouds' buses
  sources: {
    github: { use: 'github' }, // POST /webhooks/github, secret: BUSWAY_SECRET_GITHUB
  },
  rules: [
    {
      name: 'public-pushes',
      when: { type: ['com.github.push'], data: { repository: { private: [false] } } },
      to: { log: {} },
    },
    {
      name: 'opened-issues',
      when: { type: ['com.github.issues.opened'] },
      to: { fn: { module: './handlers/opened-issue.ts' } },
    },
  ],
});
`;

const handler = `// Gets each event of the rule 'opened-issues'. To throw is to be tried again, with the same event.id: what must not happen
// twice remembers it.

import type { FnEvent } from 'busway';

interface Opened {
  readonly issue: { readonly number: number; readonly title: string };
}

export function handler(event: FnEvent): void {
  const { issue } = event.data as Opened;
  console.log(\`issue #\${issue.number} was opened: \${issue.title}\`);
}
`;

const tests = `// What the rules of router.ts take and what they leave. \`npx busway test\` runs it.

import { defineRuleTests } from 'busway';

const from = { specversion: '1.0', source: 'https://github.com/octo-org/hello' } as const;

export default defineRuleTests([
  {
    name: 'a push to a public repository',
    event: { ...from, id: '1', type: 'com.github.push', data: { repository: { private: false } } },
    rules: ['public-pushes'],
  },
  {
    name: 'a push to a private repository goes nowhere',
    event: { ...from, id: '2', type: 'com.github.push', data: { repository: { private: true } } },
    rules: [],
  },
  {
    name: 'an issue that is opened',
    event: { ...from, id: '3', type: 'com.github.issues.opened', data: { issue: { number: 1, title: 'It leaks' } } },
    rules: ['opened-issues'],
  },
]);
`;

// .busway holds the secrets that dev made.
const gitignore = `node_modules/
.busway/
dist/
cdk.out/
`;

/** Path → contents. */
export const projectFiles: Readonly<Record<string, string>> = {
  'infra/router.ts': router,
  'infra/handlers/opened-issue.ts': handler,
  'infra/router.rules.test.ts': tests,
  '.gitignore': gitignore,
};
