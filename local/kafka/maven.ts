// Jars from a Maven repository: a project with nothing but dependencies, and a copy of their jars and of all that these
// need. Whoever calls says where, and makes the folder whole or leaves the old one.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, runCommand } from './command.ts';

/** `dependencies`: the elements, as XML. */
export function pomOf(name: string, dependencies: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local.busway</groupId>
  <artifactId>${name}</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
${dependencies}
  </dependencies>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId>
    <artifactId>maven-dependency-plugin</artifactId>
    <version>3.8.1</version>
  </plugin></plugins></build>
</project>
`;
}

/** Whether `mvn` is there. */
export async function hasMaven(signal?: AbortSignal): Promise<boolean> {
  return (await runCommand('mvn', ['-v'], { timeoutMs: 20_000, ...(signal && { signal }) })).code === 0;
}

export interface JarFolders {
  /** Made anew, with the pom in it. */
  readonly dir: string;
  /** `dir` or below it. */
  readonly libDir: string;
}

/** What Maven said. Never rejects. */
export function copyJars(
  pom: string,
  { dir, libDir }: JarFolders,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<CommandResult> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'pom.xml');
  writeFileSync(file, pom);
  const target = [`-DoutputDirectory=${libDir}`, '-DincludeScope=runtime'];
  return runCommand('mvn', ['-q', '-B', '-f', file, 'dependency:copy-dependencies', ...target], limits);
}
