// The body of an answer, up to a bound: a service, or whatever stands in its place, must not be able to fill our memory.

/** Undefined when it is over `most` bytes; the rest is then not read. Rejects as the body does. */
export async function readUpTo({ body }: Response, most: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    // Leaving the loop gives up the stream.
    if (bytes > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
