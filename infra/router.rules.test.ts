// What the rules of router.ts take and what they leave. Run by `busway test`, and by node --test as it stands.

import { defineRuleTests } from './define.ts';
import router from './router.ts';
import { testRules } from './rule-tests.ts';

const from = {
  specversion: '1.0',
  source: 'https://github.com/octo-org/hello',
  datacontenttype: 'application/json',
} as const;

const tests = defineRuleTests([
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
    name: 'a pull request that is opened, in any repository',
    event: { ...from, id: '3', type: 'com.github.pull_request.opened', data: { repository: { private: true } } },
    rules: ['opened-pull-requests'],
  },
  {
    name: 'a pull request that is closed',
    event: { ...from, id: '4', type: 'com.github.pull_request.closed', data: { repository: { private: false } } },
    rules: [],
  },
]);

export default tests;

if (import.meta.main) testRules(router, tests);
