// Requests as GitHub sends them, for `busway send` and the contract suite. Made up here: the field names and shapes are
// GitHub's, the contents are not. The same (sample, seed) is the same delivery; `now` shows only in times.

import { type Seeded, seeded, stamp, unknownSample } from './sample.ts';
import type { Simulated } from './source.ts';

type Fields = Readonly<Record<string, unknown>>;
interface Setting {
  readonly from: Seeded;
  readonly at: string;
  readonly seed: string;
}

const zeroCommit = '0'.repeat(40);
const api = 'https://api.github.com';

function user(login: string, id: number): Fields {
  return {
    login,
    id,
    node_id: Buffer.from(`04:User${id}`).toString('base64'),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`,
    url: `${api}/users/${login}`,
    html_url: `https://github.com/${login}`,
    type: 'User',
    site_admin: false,
  };
}

const sender = user('mona-lisa', 7100421);
const owner = user('harbor-works', 9045518);

function repository(at: string): Fields {
  return {
    id: 481516234,
    node_id: 'R_kgDOHLMDmg',
    name: 'lighthouse',
    full_name: 'harbor-works/lighthouse',
    private: false,
    owner,
    html_url: 'https://github.com/harbor-works/lighthouse',
    description: 'Guides ships, and events, to the right harbor',
    fork: false,
    url: `${api}/repos/harbor-works/lighthouse`,
    clone_url: 'https://github.com/harbor-works/lighthouse.git',
    created_at: '2022-04-14T08:15:16Z',
    updated_at: at,
    pushed_at: at,
    size: 2342,
    stargazers_count: 108,
    language: 'TypeScript',
    archived: false,
    disabled: false,
    open_issues_count: 4,
    topics: ['events', 'router'],
    visibility: 'public',
    default_branch: 'main',
  };
}

function push({ from, at, seed }: Setting): Fields {
  const seconds = Math.floor(Date.parse(at) / 1000);
  const before = from.hex('before').slice(0, 40);
  const after = from.hex('after').slice(0, 40);
  const person = { name: 'Mona Lisa', email: 'mona@example.com', username: 'mona-lisa' };
  const commit = {
    id: after,
    tree_id: from.hex('tree').slice(0, 40),
    distinct: true,
    message: `Turn the lamp a little further (${seed})`,
    timestamp: at,
    url: `https://github.com/harbor-works/lighthouse/commit/${after}`,
    author: person,
    committer: person,
    added: [],
    removed: [],
    modified: ['src/lamp.ts'],
  };
  return {
    ref: 'refs/heads/main',
    before,
    after,
    repository: { ...repository(at), created_at: 1649924116, pushed_at: seconds, master_branch: 'main' },
    pusher: { name: person.name, email: person.email },
    sender,
    created: before === zeroCommit,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `https://github.com/harbor-works/lighthouse/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: [commit],
    head_commit: commit,
  };
}

function branch(ref: string, sha: string, at: string): Fields {
  return { label: `harbor-works:${ref}`, ref, sha, user: owner, repo: repository(at) };
}

function pullRequestOpened({ from, at, seed }: Setting): Fields {
  const number = 1 + from.number('number', 5000);
  const page = `https://github.com/harbor-works/lighthouse/pull/${number}`;
  return {
    action: 'opened',
    number,
    pull_request: {
      url: `${api}/repos/harbor-works/lighthouse/pulls/${number}`,
      id: 1000000000 + from.number('id', 900000000),
      html_url: page,
      diff_url: `${page}.diff`,
      number,
      state: 'open',
      locked: false,
      title: `Make the beam wider (${seed})`,
      user: sender,
      body: 'Ships further out can see it now.',
      created_at: at,
      updated_at: at,
      closed_at: null,
      merged_at: null,
      assignees: [],
      requested_reviewers: [],
      labels: [],
      draft: false,
      head: branch('wider-beam', from.hex('head').slice(0, 40), at),
      base: branch('main', from.hex('base').slice(0, 40), at),
      merged: false,
      mergeable: null,
      comments: 0,
      commits: 1,
      additions: 12,
      deletions: 3,
      changed_files: 2,
    },
    repository: repository(at),
    sender,
  };
}

function issue({ from, at, seed }: Setting, comments: number): Fields {
  const number = 1 + from.number('number', 5000);
  return {
    url: `${api}/repos/harbor-works/lighthouse/issues/${number}`,
    html_url: `https://github.com/harbor-works/lighthouse/issues/${number}`,
    id: 1000000000 + from.number('id', 900000000),
    number,
    title: `The lamp flickers in fog (${seed})`,
    user: sender,
    labels: [{ id: 208045946, name: 'bug', color: 'd73a4a', default: true, description: 'Something is not right' }],
    state: 'open',
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments,
    created_at: at,
    updated_at: at,
    closed_at: null,
    author_association: 'CONTRIBUTOR',
    body: 'It does so every few seconds, but only when the fog is thick.',
  };
}

function issueComment(setting: Setting): Fields {
  const { from, at } = setting;
  const subject = issue(setting, 1);
  const id = 1000000000 + from.number('comment', 900000000);
  return {
    action: 'created',
    issue: subject,
    comment: {
      url: `${api}/repos/harbor-works/lighthouse/issues/comments/${id}`,
      html_url: `${String(subject['html_url'])}#issuecomment-${id}`,
      id,
      user: sender,
      created_at: at,
      updated_at: at,
      author_association: 'CONTRIBUTOR',
      body: 'A loose contact, most likely. I will look at it tonight.',
    },
    repository: repository(at),
    sender,
  };
}

function ping({ from, at }: Setting): Fields {
  const id = 300000000 + from.number('hook', 90000000);
  return {
    zen: 'Keep it logically awesome.',
    hook_id: id,
    hook: {
      type: 'Repository',
      id,
      name: 'web',
      active: true,
      events: ['*'],
      config: { content_type: 'json', insecure_ssl: '0', url: 'https://events.example.com/webhooks/github' },
      updated_at: at,
      created_at: at,
      url: `${api}/repos/harbor-works/lighthouse/hooks/${id}`,
    },
    repository: repository(at),
    sender,
  };
}

const makers: Readonly<Record<string, (setting: Setting) => Fields>> = {
  push,
  'pull_request.opened': pullRequestOpened,
  'issues.opened': (setting) => ({
    action: 'opened',
    issue: issue(setting, 0),
    repository: repository(setting.at),
    sender,
  }),
  'issue_comment.created': issueComment,
  'star.created': ({ at }) => ({ action: 'created', starred_at: at, repository: repository(at), sender }),
  ping,
};

export const githubSamples: readonly string[] = Object.keys(makers);

/** Unsigned. Throws USAGE for a sample that is not in `githubSamples`. */
export function githubSample(sample: string, seed: string, now: Date): Simulated {
  const make = Object.hasOwn(makers, sample) ? makers[sample] : undefined;
  if (make === undefined) throw unknownSample('github', sample, githubSamples);
  const from = seeded('github', sample, seed);
  const body = Buffer.from(JSON.stringify(make({ from, at: stamp(now), seed })), 'utf8');
  const headers = {
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': `GitHub-Hookshot/${from.hex('agent').slice(0, 7)}`,
    'x-github-delivery': from.uuid('delivery'),
    'x-github-event': sample.split('.', 1)[0]!,
    'x-github-hook-id': String(300000000 + from.number('hook', 90000000)),
    'x-github-hook-installation-target-id': '481516234',
    'x-github-hook-installation-target-type': 'repository',
  };
  return { headers, body };
}
