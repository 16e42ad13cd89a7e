// Lines of a stream as bytes, so that what is not UTF-8 can be told.

const LF = 0x0a;

/** Without the line ends; empty lines are left out. Yields [1-based line number, bytes]. */
export async function* linesOf(stream: NodeJS.ReadableStream): AsyncIterable<readonly [number, Buffer]> {
  let rest: Buffer[] = [];
  let number = 0;
  const take = (part: Buffer): readonly [number, Buffer] | undefined => {
    number++;
    const whole = rest.length === 0 ? part : Buffer.concat([...rest, part]);
    rest = [];
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
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  const last = rest.length === 0 ? undefined : take(Buffer.alloc(0));
  if (last !== undefined) yield last;
}

export async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const piece of stream) chunks.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  return Buffer.concat(chunks);
}
