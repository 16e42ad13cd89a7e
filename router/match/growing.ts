// Integers by number in contiguous memory, with room for more.

/** The array itself, or a longer copy when it has no place for `length` of them. */
export function withRoom(array: Int32Array, length: number): Int32Array {
  if (length <= array.length) return array;
  const longer = new Int32Array(Math.max(length, array.length * 2));
  longer.set(array);
  return longer;
}
