// Finds what can run Kafka on this machine: jars and a Java for them, Maven to fetch the jars, or a container engine.
// Must never download when it was not asked to. Recipe (coordinates, flags, sizes): Kafka 4.3.1 is complete on Maven
// Central and runs on Java 17; SLF4J must be a 1.7 binding.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RouterError } from '../../router/errors.ts';
import { runCommand } from './command.ts';
import { withLock } from './lock.ts';
import { copyJars, pomOf } from './maven.ts';

export const kafkaVersion = '4.3.1';
const MIN_JAVA = 17;

const POM = pomOf(
  'kafka-broker',
  `    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${kafkaVersion}</version>
    </dependency>
    <!-- Kafka 4 is on SLF4J 1.7: a 2.x binding would be ignored -->
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>`,
);
const POM_HASH = createHash('sha256').update(POM).digest('hex');

export interface RuntimeOptions {
  /** Where the Maven jars lie or go, for instance .busway/kafka/lib. */
  readonly cacheDir: string;
  readonly env: (name: string) => string | undefined;
}

export interface Java {
  readonly command: string;
  readonly major: number;
  /** First line of `java -version`; a class archive is bound to it. */
  readonly build: string;
}

/** A folder of jars that hold a broker. `archive`: where a class archive for them may lie; none for a foreign folder. */
export interface Jars {
  readonly libDir: string;
  readonly archiveDir: string | null;
}

export async function findJava(options: RuntimeOptions, signal?: AbortSignal): Promise<Java | string> {
  const home = options.env('JAVA_HOME');
  const command = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  const { code, output } = await runCommand(command, ['-version'], { timeoutMs: 20_000, ...(signal && { signal }) });
  const version = /version "(?:1\.)?(\d+)[^"]*"/.exec(output);
  if (code !== 0 || version === null) return `no Java (tried ${home ? 'JAVA_HOME' : 'java in PATH'})`;
  const major = Number(version[1]);
  if (major < MIN_JAVA) return `Java ${major} is too old, Kafka ${kafkaVersion} needs ${MIN_JAVA} or later`;
  return { command, major, build: output };
}

/** KAFKA_HOME's libs, else the Maven jars if they are whole and of our version; a string says what is missing. */
export function findJars(options: RuntimeOptions): Jars | string {
  const home = options.env('KAFKA_HOME');
  if (home !== undefined && home !== '') {
    const libDir = join(home, 'libs');
    const found = existsSync(libDir) && readdirSync(libDir).some((name) => /^kafka_2\.1\d-.*\.jar$/.test(name));
    return found
      ? { libDir, archiveDir: null }
      : `KAFKA_HOME is set to '${home}', but there is no libs/kafka_2.13-*.jar in it`;
  }
  const stamp = join(options.cacheDir, 'pom.sha256');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === POM_HASH) {
    return { libDir: options.cacheDir, archiveDir: join(options.cacheDir, '..') };
  }
  return `no Kafka ${kafkaVersion} jars in ${options.cacheDir}`;
}

/** Fetches the jars with Maven into cacheDir, whole or not at all. 44 MB, 12 to 30 s the first time. */
export async function fetchJars(
  options: RuntimeOptions,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<Jars> {
  const { cacheDir } = options;
  return withLock(`${cacheDir}.lock`, signal, async () => {
    const there = findJars(options);
    if (typeof there !== 'string') return there; // another process was faster
    const fresh = `${cacheDir}.new`;
    onProgress(`fetching Apache Kafka ${kafkaVersion} with Maven (44 MB, once)`);
    const started = performance.now();
    const ticker = setInterval(() => {
      onProgress(`still fetching Kafka, ${Math.round((performance.now() - started) / 1000)} s`);
    }, 10_000);
    const { code, output } = await copyJars(POM, { dir: fresh, libDir: fresh }, { timeoutMs: 600_000, signal });
    clearInterval(ticker);
    if (code !== 0) {
      rmSync(fresh, { recursive: true, force: true });
      throw new RouterError('BUS_UNAVAILABLE', `kafka: Maven could not fetch the jars; it said: ${lastLines(output)}`);
    }
    // The stamp is written last: a folder with a stamp is whole.
    writeFileSync(join(fresh, 'pom.sha256'), `${POM_HASH}\n`);
    replaceable(cacheDir);
    rmSync(cacheDir, { recursive: true, force: true });
    renameSync(fresh, cacheDir);
    return { libDir: cacheDir, archiveDir: join(cacheDir, '..') };
  });
}

// Only what this launcher made is ever deleted.
function replaceable(dir: string): void {
  if (!existsSync(dir)) return;
  const names = readdirSync(dir);
  if (names.length === 0 || names.includes('pom.xml')) return;
  throw new RouterError(
    'CONFIG_INVALID',
    `kafka: '${dir}' holds files of somebody else; choose another folder for the jars`,
  );
}

export function lastLines(output: string): string {
  return output.trim().split('\n').slice(-8).join('\n') || 'nothing';
}
