// The one file to edit: where events come from, and which rule sends them where. `npm start` runs it on this machine.

import { defineRouter } from './define.ts';

export default defineRouter({
  bus: 'embedded',
  sources: {
    github: { use: 'github' },
    events: { use: 'cloudevents' },
  },
  rules: [
    {
      name: 'public-pushes',
      when: { type: ['com.github.push'], data: { repository: { private: [false] } } },
      to: { log: {} },
    },
    {
      name: 'opened-pull-requests',
      when: { type: ['com.github.pull_request.opened'] },
      to: { log: {} },
    },
  ],
});
