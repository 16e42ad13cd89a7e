// The option tables of the stores. Pure; loaded by the registry.
// Sources: Amazon S3 User Guide, "General purpose bucket naming rules" and "Naming Amazon S3 objects" (read 2026-11-21).

import type { Options, OptionTable } from '../../router/config.ts';

export const folderOptions: OptionTable = {
  path: { type: 'string', required: true, says: 'the folder; relative to the document' },
};

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
// Of the characters that S3 calls safe; with the rest of the reference it fits an attribute of every bus.
const PREFIX = /^[A-Za-z0-9!_.*'()-][A-Za-z0-9!_.*'()/-]{0,511}$/;
// A URL would fold them.
const DOTS = /(?:^|\/)\.{1,2}(?:\/|$)/;
const REGION = /^[a-z0-9-]{2,32}$/;

function checkBucket(bucket: string): string | undefined {
  return BUCKET.test(bucket) ? undefined : "must be the name of a bucket: 3 to 63 small letters, digits, '.' or '-'";
}

function checkPrefix(prefix: string): string | undefined {
  if (PREFIX.test(prefix) && !DOTS.test(prefix)) return undefined;
  return "must be 1 to 512 letters, digits or ! _ . * ' ( ) - /, not beginning with '/', without '.' and '..' as names";
}

function checkRegion(region: string): string | undefined {
  return REGION.test(region) ? undefined : 'must be a region such as eu-west-1';
}

/** What is wrong with an endpoint, or undefined. */
export function endpointProblem(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return 'must be an http or https URL, such as http://127.0.0.1:9000';
  }
  if (url.username !== '' || url.password !== '') return 'must hold no user and no password';
  return url.search === '' && url.hash === '' ? undefined : 'must hold no query and no fragment';
}

export const s3Options: OptionTable = {
  bucket: { type: 'string', required: true, check: checkBucket, says: 'the bucket' },
  prefix: { type: 'string', check: checkPrefix, says: "what the objects' keys begin with, such as busway/" },
  region: { type: 'string', check: checkRegion, says: "the bucket's region; AWS_REGION if absent" },
  endpoint: {
    type: 'string',
    check: endpointProblem,
    says: 'of another service that speaks S3; AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL if absent',
  },
};

/** Checked options, as s3Options describes them. */
export interface S3Options {
  readonly bucket: string;
  readonly prefix?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** Options that passed checkOptions. */
export function toS3Options(options: Options): S3Options {
  return options as unknown as S3Options;
}

/** What references into the bucket begin with. */
export function s3UriPrefix({ bucket, prefix = '' }: S3Options): string {
  return `s3://${bucket}/${prefix}`;
}
