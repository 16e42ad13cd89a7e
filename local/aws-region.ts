// The region that AWS's own tools would take: of the environment, else of the profile in the shared config file. The CDK's CLI
// takes us-east-1 where there is none; nobody should deploy there by accident.
// Source: SDKs and Tools Reference Guide, "AWS Region" and "Location of the shared config and credentials files" (read
// 2026-11-21).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

type Env = (name: string) => string | undefined;

/** The region of '[default]' or of '[profile NAME]'; other sections and keys are passed over. */
export function regionInConfig(text: string, profile: string): string | undefined {
  const due = profile === 'default' ? ['default', 'profile default'] : [`profile ${profile}`];
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) inside = due.includes(section.replace(/\s+/g, ' '));
    // What is indented belongs to the key above it.
    const region = inside ? /^region\s*=\s*([a-z0-9-]+)/.exec(line)?.[1] : undefined;
    if (region !== undefined) return region;
  }
  return undefined;
}

/** Undefined where neither the environment nor the profile names one. Asks nobody. */
export async function knownRegion(env: Env): Promise<string | undefined> {
  const given = env('AWS_REGION') || env('AWS_DEFAULT_REGION');
  if (given) return given;
  const file = env('AWS_CONFIG_FILE') || join(env('HOME') ?? env('USERPROFILE') ?? '', '.aws', 'config');
  const text = await readFile(file, 'utf8').catch(() => '');
  return regionInConfig(text, env('AWS_PROFILE') || 'default');
}
