// A folder as the store of oversized data: one file an object. A file is whole and on the disk before it has its name, so a
// crash leaves no half object. Only for processes that share the folder.

import { randomUUID } from 'node:crypto';
import { mkdir, open as openFile, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { DataStore, StoreParts } from './store.ts';

// With the object's name it fits an attribute of every bus (Pub/Sub: 1,024 bytes).
const MAX_URI = 900;

function pathOf(options: Options, baseDir: string): string {
  return resolve(baseDir, String(options['path']));
}

/** Throws CONFIG_INVALID for a path whose URI no bus would carry. */
export function uriPrefixOf(options: Options, baseDir: string): string {
  // A file URL may hold what a URI may not.
  const url = pathToFileURL(pathOf(options, baseDir)).href.replace(
    /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/g,
    encodeURIComponent,
  );
  const prefix = url.endsWith('/') ? url : `${url}/`;
  if (prefix.length <= MAX_URI) return prefix;
  const says = `its file URL takes ${prefix.length} characters, at most ${MAX_URI} fit into a reference`;
  throw new RouterError('CONFIG_INVALID', `oversize: the folder ${says}; choose a shorter path`);
}

const isMissing = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException | null)?.code === 'ENOENT';

function unavailable(folder: string, thrown: unknown): RouterError {
  const code = (thrown as NodeJS.ErrnoException | null)?.code ?? 'unknown error';
  return new RouterError('DATA_UNAVAILABLE', `oversize: the folder ${folder} cannot be used: ${code}`, {
    cause: thrown,
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await openFile(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeWhole(file: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  // Of this user only: it is the data of events.
  const handle = await openFile(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes, { signal });
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folder. Throws CONFIG_INVALID when that cannot be. */
export async function open(options: Options, { baseDir }: StoreParts): Promise<DataStore> {
  const folder = pathOf(options, baseDir);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new RouterError('CONFIG_INVALID', `oversize: the folder ${folder} cannot be made: ${code}`, { cause });
  }
  return {
    async put(name, bytes, signal) {
      const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
      try {
        await writeWhole(temporary, bytes, signal);
        await rename(temporary, join(folder, name));
        await syncFolder(folder);
      } catch (thrown) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw unavailable(folder, thrown);
      }
    },
    async get(name) {
      try {
        return await readFile(join(folder, name));
      } catch (thrown) {
        // A folder that is not there holds everything still: a disk that is not mounted.
        const gone = isMissing(thrown) && (await stat(folder).catch(() => undefined)) !== undefined;
        if (!gone) throw unavailable(folder, thrown);
        throw new RouterError('DATA_GONE', `oversize: ${name} is not in the folder ${folder}`);
      }
    },
  };
}
