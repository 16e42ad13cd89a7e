// What cdk.json says of the router on AWS, for deploy and plan: both must go by the same names.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppSettings, readAppSettings } from '../infra/app-settings.ts';
import { isObject } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';

/** 'context.busway' of cdk.json; nothing where there is no such file. Throws CONFIG_INVALID. */
export async function settingsOf(cwd: string): Promise<AppSettings> {
  const text = await readFile(join(cwd, 'cdk.json'), 'utf8').catch(() => '{}');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new RouterError('CONFIG_INVALID', 'cdk.json is not JSON', { cause });
  }
  const context = isObject(parsed) ? parsed['context'] : undefined;
  return readAppSettings(isObject(context) ? context['busway'] : undefined);
}
