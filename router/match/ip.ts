// IP address literals and ranges, as event-ruler reads them: IPv4 in four decimal parts (leading zeros allowed, no more
// than 15 characters), IPv6 in hex groups; an IPv4-mapped IPv6 address is its IPv4 address.

const V4 = /^\d+\.\d+\.\d+\.\d+$/;
const V6 = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*$/;
const HEX_GROUP = /^[0-9a-fA-F]+$/;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function v4Of(text: string): string | undefined {
  if (text.length > 15) return undefined;
  const parts = text.split('.').map(Number);
  return parts.every((part) => part <= 255) ? parts.map((part) => hex(part, 2)).join('') : undefined;
}

function groupsOf(text: string): string[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  for (const group of groups) {
    if (!HEX_GROUP.test(group) || Number.parseInt(group, 16) > 0xffff) return undefined;
  }
  return groups.map((group) => hex(Number.parseInt(group, 16), 4));
}

function v6Of(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1]!);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const digits = [...head, ...Array<string>(missing).fill('0000'), ...tail].join('');
  return digits.startsWith('00000000000000000000ffff') ? digits.slice(24) : digits;
}

/** The address in lower-case hex, 8 digits (IPv4) or 32 (IPv6); undefined when the text is no address literal. */
export function ipOf(text: string): string | undefined {
  // 64: no spelling is longer. Most texts are not addresses: the first character tells nearly all of them apart.
  if (text.length < 2 || text.length > 64) return undefined;
  if (V4.test(text)) return v4Of(text);
  return V6.test(text) ? v6Of(text) : undefined;
}

/** Both ends included, in hex of equal length. */
export interface IpRange {
  readonly low: string;
  readonly high: string;
}

/** The block of `bits` mask bits around an address. */
function rangeOf(address: string, bits: number): IpRange {
  const digits = address.length;
  const host = (1n << BigInt(digits * 4 - bits)) - 1n;
  const high = BigInt(`0x${address}`) | host;
  const text = (value: bigint): string => value.toString(16).padStart(digits, '0');
  return { low: text(high ^ host), high: text(high) };
}

/** Reads "address/bits", IPv4 0 to 31, IPv6 0 to 127; a text says what is wrong instead. */
export function cidrOf(text: string): IpRange | string {
  const slash = text.indexOf('/');
  if (slash === -1 || text.indexOf('/', slash + 1) !== -1) return 'needs one /, such as 10.0.0.0/24';
  const address = ipOf(text.slice(0, slash));
  if (address === undefined) return 'needs an IPv4 or IPv6 address before the /, such as 10.0.0.0/24';
  const bits = text.slice(slash + 1);
  const most = address.length === 8 ? 31 : 127;
  if (!/^\+?\d{1,9}$/.test(bits) || Number(bits) > most) {
    return `needs mask bits from 0 to ${most} after the / for IPv${most === 31 ? 4 : 6}; a single address is written as it is`;
  }
  return rangeOf(address, Number(bits));
}
