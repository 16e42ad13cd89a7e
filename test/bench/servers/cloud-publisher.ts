// One contestant of P9 as a process.

import { serveBench } from './child.ts';
import { type CloudPublisherOptions, openCloudPublisher } from './cloud-contestants.ts';
import { startedOf } from './publishing.ts';

await serveBench<CloudPublisherOptions>(async (options) =>
  startedOf(await openCloudPublisher(options), options.perCall),
);
