// The measured side of a bench: a process of its own that starts what its options say, tells its port, its CPU time when
// asked, and ends when told or when its parent is gone. Prints nothing while measured.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a server file gives to `serveBench`. */
export interface Started {
  /** 0 where nothing listens. */
  readonly port: number;
  /** Work of its own kind, such as publishing for a while. */
  readonly work?: (order: unknown) => Promise<unknown>;
  close(): Promise<void>;
}

type Ask = { readonly n: number; readonly what: 'cpu' | 'work' | 'close'; readonly order?: unknown };
type Say =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'answer'; readonly n: number; readonly value: unknown }
  | { readonly kind: 'broken'; readonly n: number; readonly says: string };

const GRACE_MS = 10_000;

/** The child's main. Options come as JSON in the first argument. */
export async function serveBench<Options>(start: (options: Options) => Promise<Started>): Promise<void> {
  const say = (message: Say): void => void process.send?.(message);
  const started = await start(JSON.parse(process.argv[2] ?? '{}') as Options);
  process.on('disconnect', () => process.exit(1));
  const answer = async ({ what, order }: Ask): Promise<unknown> => {
    if (what === 'cpu') {
      const { user, system } = process.cpuUsage();
      return user + system;
    }
    return what === 'work' ? started.work?.(order) : started.close();
  };
  process.on('message', (ask: Ask) => {
    answer(ask).then(
      (value) => {
        say({ kind: 'answer', n: ask.n, value });
        // The channel alone would keep the process; a profile is written at a proper end only.
        if (ask.what === 'close') process.disconnect?.();
      },
      (error: unknown) =>
        say({ kind: 'broken', n: ask.n, says: error instanceof Error ? error.message : String(error) }),
    );
  });
  say({ kind: 'ready', port: started.port });
}

export interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** User and system time of the process so far, in microseconds. */
  cpuUs(): Promise<number>;
  work(order: unknown): Promise<unknown>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly options: unknown;
  readonly signal: AbortSignal;
  /** Folder for a CPU profile, written at the end. */
  readonly profile?: string | undefined;
}

let profiles = 0;

/** Starts a file of this folder, by its name. Rejects when it ends before it is ready, with what it said. */
export async function startServer(file: string, { options, signal, profile }: StartOptions): Promise<Server> {
  const profiling =
    profile === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${file}-${++profiles}.cpuprofile`];
  const child = fork(fileURLToPath(new URL(`${file}.ts`, import.meta.url)), [JSON.stringify(options)], {
    execArgv: ['--disable-warning=TimeoutNegativeWarning', ...profiling],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-4_000);
  });
  const ready = Promise.withResolvers<number>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, by) => {
      const error = new Error(`bench server ${file} ended (${by ?? code}): ${said.trim() || 'it said nothing'}`);
      ready.reject(error);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      resolve();
    });
  });
  child.on('message', (message: Say) => {
    if (message.kind === 'ready') return ready.resolve(message.port);
    const found = waiting.get(message.n);
    waiting.delete(message.n);
    if (message.kind === 'answer') found?.resolve(message.value);
    else found?.reject(new Error(`bench server ${file}: ${message.says}`));
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  let asked = 0;
  const ask = (what: Ask['what'], order?: unknown): Promise<unknown> => {
    const found = Promise.withResolvers<unknown>();
    if (!child.connected) return Promise.reject(new Error(`bench server ${file} is gone: ${said.trim()}`));
    waiting.set(++asked, found);
    child.send({ n: asked, what, order });
    return found.promise;
  };
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const timer = setTimeout(kill, GRACE_MS);
    await ask('close').catch(() => undefined);
    await exited;
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  };
  const port = await ready.promise;
  return {
    name: file,
    port,
    pid: child.pid!,
    cpuUs: async () => (await ask('cpu')) as number,
    work: (order) => ask('work', order),
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
