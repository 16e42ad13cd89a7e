// The reference for wildcards: the textbook matcher with two pointers and one place to come back to. It needs no memory
// but two numbers and no preparation but reading `\*` and `\\`. Known to be linear in the value for a given pattern.

/** Characters of a pattern; -1 for a star. */
export function wildcardUnits(pattern: string): Int32Array {
  const units: number[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const isEscape = pattern[at] === '\\';
    if (isEscape) at++;
    units.push(!isEscape && pattern[at] === '*' ? -1 : pattern.charCodeAt(at));
  }
  return Int32Array.from(units);
}

export function matchesTwoPointer(units: Int32Array, value: string): boolean {
  let [at, unit, star, backTo] = [0, 0, -1, 0];
  while (at < value.length) {
    if (unit < units.length && units[unit] === -1) {
      star = unit++;
      backTo = at;
    } else if (unit < units.length && units[unit] === value.charCodeAt(at)) {
      at++;
      unit++;
    } else if (star >= 0) {
      unit = star + 1;
      at = ++backTo;
    } else {
      return false;
    }
  }
  while (unit < units.length && units[unit] === -1) unit++;
  return unit === units.length;
}
