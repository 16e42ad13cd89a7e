// Files -> a ZIP archive, each stored as it is: the form in which Lambda takes code. Pure: the same files are the same bytes.
// Source: PKWARE APPNOTE 6.3.10, 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).

import { crc32 } from 'node:zlib';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const UNIX = 3 << 8;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** 1 January 1980, the first day there is. */
const DATE = 0x0021;
/** A plain file that all may read. */
const MODE = 0o100644;
// Beyond these an archive needs the fields of ZIP64.
const MAX_FILES = 0xffff;
const MAX_BYTES = 0xffffffff;

/** [bytes of the field, value] */
type Field = readonly [2 | 4, number];

function fields(list: readonly Field[]): Buffer {
  const bytes = Buffer.alloc(list.reduce((sum, [size]) => sum + size, 0));
  let at = 0;
  for (const [size, value] of list) at = bytes.writeUIntLE(value, at, size);
  return bytes;
}

/** What both headers of a file say, from 'version needed' to 'extra field length'. */
function about(name: Buffer, content: Buffer): readonly Field[] {
  const size = content.length;
  const stored: readonly Field[] = [
    [2, 0],
    [2, 0],
    [2, DATE],
    [4, crc32(content)],
    [4, size],
    [4, size],
  ];
  return [[2, VERSION], [2, UTF8], ...stored, [2, name.length], [2, 0]];
}

/** `files`: path in the archive -> content. Throws RangeError for what needs ZIP64. */
export function zipOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(files)) {
    const name = Buffer.from(path);
    const local = [fields([[4, LOCAL], ...about(name, content)]), name, content];
    // No comment, disk 0, binary, mode, where the file's own header is.
    const place: readonly Field[] = [
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
      [2, MODE],
      [4, offset],
    ];
    centrals.push(fields([[4, CENTRAL], [2, UNIX | VERSION], ...about(name, content), ...place]), name);
    locals.push(...local);
    offset += local.reduce((sum, { length }) => sum + length, 0);
  }
  const count = centrals.length / 2;
  const size = centrals.reduce((sum, { length }) => sum + length, 0);
  if (count > MAX_FILES || offset + size > MAX_BYTES)
    throw new RangeError(`${count} files of ${offset} bytes need ZIP64`);
  const end = fields([
    [4, END],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, size],
    [4, offset],
    [2, 0],
  ]);
  return Buffer.concat([...locals, ...centrals, end]);
}
