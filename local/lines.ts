// Lines of a stream as bytes, so that what is not UTF-8 can be told.

const LF = 0x0a;

/**
 * Without the line ends; empty lines are left out. Yields [1-based line number, bytes]. Of a line longer than `maxBytes` only
 * so many and one more are kept, so that its length tells.
 */
export async function* linesOf(
  stream: NodeJS.ReadableStream,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncIterable<readonly [number, Buffer]> {
  let rest: Buffer[] = [];
  let kept = 0;
  let number = 0;
  const keep = (part: Buffer): void => {
    const room = maxBytes + 1 - kept;
    if (room <= 0) return;
    rest.push(part.length > room ? part.subarray(0, room) : part);
    kept += Math.min(part.length, room);
  };
  const take = (part: Buffer): readonly [number, Buffer] | undefined => {
    number++;
    keep(part);
    const whole = rest.length === 1 ? rest[0]! : Buffer.concat(rest);
    [rest, kept] = [[], 0];
    const line = whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole;
    return line.length === 0 ? undefined : [number, line];
  };
  for await (const piece of stream) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      const line = take(chunk.subarray(from, at));
      from = at + 1;
      if (line !== undefined) yield line;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  const last = rest.length === 0 ? undefined : take(Buffer.alloc(0));
  if (last !== undefined) yield last;
}

export async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const piece of stream) chunks.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  return Buffer.concat(chunks);
}
