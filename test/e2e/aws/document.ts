// The router of the run: four rules to four targets, on a bus of its own. One that EventBridge filters by itself, one that it
// cannot, one whose target fails, one that is taken out later.

import type { RouterInput } from '../../../infra/define.ts';
import type { Targets } from './targets.ts';

export const BUCKET = 'busway-oversize';
export const OBJECTS = 'data/';
/** The variables of the signing secret. */
export const SIGNING = 'SIGN_HOOKS';
export const GITHUB = 'BUSWAY_SECRET_GITHUB';

/** Rule -> the path of its target. */
export const paths = {
  'pull-requests': '/pull-requests',
  'not.stars': '/not-stars',
  pushes: '/pushes',
  stars: '/stars',
} as const;

export type RuleName = keyof typeof paths;

/** Of the rule whose target fails: far from a queue's own timeout, so that it is seen which of them counts. */
export const RETRY = { attempts: 2, firstMs: 2_000 } as const;

/** Loopback is refused on a cloud's host unless a rule allows it. */
export function documentFor({ urlOf }: Pick<Targets, 'urlOf'>): RouterInput {
  const to = (rule: RuleName) => ({ http: { url: urlOf(paths[rule]), allow: ['127.0.0.1/32'], secret: SIGNING } });
  return {
    bus: { use: 'eventbridge', bus: 'e2e' },
    oversize: { store: { s3: { bucket: BUCKET, prefix: OBJECTS } } },
    sources: { github: { use: 'github' } },
    rules: [
      {
        name: 'pull-requests',
        when: { type: ['com.github.pull_request.opened'], data: { repository: { private: [false] } } },
        to: to('pull-requests'),
      },
      { name: 'not.stars', when: `LENGTH(type) <> ${'com.github.star.created'.length}`, to: to('not.stars') },
      { name: 'pushes', when: { type: ['com.github.push'] }, to: to('pushes'), retry: RETRY },
      { name: 'stars', when: { type: ['com.github.star.created'] }, to: to('stars'), retry: { attempts: 1 } },
    ],
  };
}

/** As the last step finds it: the rule is gone, and its queue is still there. */
export function withoutStars(document: RouterInput): RouterInput {
  return { ...document, rules: (document.rules ?? []).filter(({ name }) => name !== 'stars') };
}
