// The rule tests of the shipped router document, so that `npm test` runs them too: infra/router.rules.test.ts is a list
// when it is imported, and tests only where it is started itself.

import tests from '../../infra/router.rules.test.ts';
import router from '../../infra/router.ts';
import { testRules } from '../../infra/rule-tests.ts';

testRules(router, tests);
