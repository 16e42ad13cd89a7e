// One file of JavaScript out of an entry, by esbuild: an optional package, asked for when it is needed. Writes nothing.

import { createRequire } from 'node:module';
import { relative, resolve } from 'node:path';
import type * as Esbuild from 'esbuild';
import { RouterError } from '../../router/errors.ts';
import { missingPackage } from '../../router/optional-package.ts';
import { rootDir } from './modules.ts';

export interface Built {
  readonly code: Uint8Array;
  readonly map: Uint8Array;
  /** Every file of which something is in it, from the root of the package. */
  readonly inputs: readonly string[];
}

export interface BuildParts {
  /** For messages: "function 'deliver'". */
  readonly what: string;
  readonly entry: string;
  /** Packages that are not taken along. */
  readonly external: readonly string[];
}

/**
 * An ES module whose inside is written as CommonJS. An `import` of a built-in module reads all that it exports, and some of
 * that is loaded only then: node:http brings undici (20 ms of CPU), node:fs its promises (4 ms). `require` reads nothing.
 * Price: no top-level await in a user's own modules.
 */
const BEFORE = [
  'const module = { exports: {} };',
  'const { url: __url, filename: __filename, dirname: __dirname } = import.meta;',
  'const require = (name) =>',
  '  process.getBuiltinModule(name) ?? process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);',
].join('\n');
const AFTER = 'export const handler = await module.exports.handler;';
/** What a user's own modules may ask of themselves: they are where the bundle is. */
const META = {
  'import.meta.url': '__url',
  'import.meta.filename': '__filename',
  'import.meta.dirname': '__dirname',
};

function loadEsbuild(): typeof Esbuild {
  try {
    return createRequire(import.meta.url)('esbuild') as typeof Esbuild;
  } catch (cause) {
    throw missingPackage('bundling', 'esbuild', cause);
  }
}

const TOP_LEVEL_AWAIT = 'await at the top of a module is not possible in a function; await in the handler, once';

function failureOf(thrown: unknown, what: string): RouterError {
  const { errors } = thrown as Partial<Esbuild.BuildFailure>;
  if (errors === undefined) return new RouterError('INTERNAL', `${what} cannot be bundled`, { cause: thrown });
  const missing = errors.map(({ text }) => /^Could not resolve "((?:@[^/"]+\/)?[^./"@][^/"]*)/.exec(text)?.[1]);
  const packages = [...new Set(missing.filter((name) => name !== undefined))];
  if (packages.length > 0) {
    const says = `${what} needs ${packages.join(', ')}; install with: npm install ${packages.join(' ')}`;
    return new RouterError('UNSUPPORTED', says);
  }
  const lines = errors.map(({ text, location }) => {
    const place =
      location === null ? '' : `${relative(process.cwd(), resolve(rootDir, location.file))}:${location.line}: `;
    return `  ${place}${text.startsWith('Top-level await') ? TOP_LEVEL_AWAIT : text}`;
  });
  return new RouterError('CONFIG_INVALID', `${what} cannot be bundled\n${lines.join('\n')}`);
}

/** Throws UNSUPPORTED without esbuild or a package that the code needs, CONFIG_INVALID for code with a mistake. */
export function build({ what, entry, external }: BuildParts): Built {
  const { buildSync } = loadEsbuild();
  let result: Esbuild.BuildResult<{ write: false; metafile: true }>;
  try {
    result = buildSync({
      stdin: { contents: entry, resolveDir: rootDir, sourcefile: 'entry.js', loader: 'js' },
      absWorkingDir: rootDir,
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      minify: true,
      // With names and lines, but without the text: a stack trace needs no more.
      sourcemap: true,
      sourcesContent: false,
      outfile: 'index.mjs',
      banner: { js: BEFORE },
      footer: { js: AFTER },
      define: META,
      external: [...external],
      logLevel: 'silent',
    });
  } catch (thrown) {
    throw failureOf(thrown, what);
  }
  const [map, code] = [...result.outputFiles].sort((a) => (a.path.endsWith('.map') ? -1 : 1));
  const inputs = Object.values(result.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  return { code: code!.contents, map: map!.contents, inputs };
}
