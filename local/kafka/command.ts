// Runs a short child process and collects what it says. Must never use a shell. The child inherits the environment.

import { spawn } from 'node:child_process';

export interface CommandResult {
  /** null when the program could not be started, was killed or ran out of time. */
  readonly code: number | null;
  readonly output: string;
}

const MAX_OUTPUT = 64 * 1024;

/** Never rejects. `output` is stdout and stderr as they came, the last 64 KiB. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<CommandResult> {
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const signals = [AbortSignal.timeout(options.timeoutMs), ...(options.signal === undefined ? [] : [options.signal])];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal: AbortSignal.any(signals) });
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  // After a kill 'error' comes first; the promise keeps whichever is first.
  child.on('error', (error: NodeJS.ErrnoException) => resolve({ code: null, output: output || error.message }));
  child.on('close', (code) => resolve({ code, output }));
  return promise;
}
