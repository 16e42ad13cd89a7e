// The environment for tests: they read it through here and hand it to the processes they start.

export function testEnv(name: string): string | undefined {
  return process.env[name];
}

/** The environment of a child process: ours without what node --test sets for its own, and `more`; undefined takes away. */
export function childEnv(more: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const { NODE_TEST_CONTEXT: _nested, ...env } = process.env;
  const all = Object.entries({ ...env, ...more });
  return Object.fromEntries(all.filter((pair): pair is [string, string] => pair[1] !== undefined));
}
