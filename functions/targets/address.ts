// Which IP addresses a target may be reached at. Pure: it parses and judges, it never resolves or connects.
// An IPv6 address that carries an IPv4 one (mapped, translated, NAT64, 6to4, Teredo, ISATAP) is judged by both, since
// a gateway on the way may send it to either. What this file does not know as public is not public.
// Source: IANA special-purpose address registries (RFC 6890), RFC 6052, RFC 4380, RFC 5214; providers' metadata pages.

/** 4 or 16 bytes. */
export type Address = readonly number[];

export interface Cidr {
  readonly bytes: Address;
  readonly bits: number;
}

export interface AddressPolicy {
  /** The url names loopback literally and the router runs locally. */
  readonly loopback: boolean;
  /** Undefined where nothing can be allowed. */
  readonly allow: readonly Cidr[] | undefined;
}

function parseV4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

/** The bytes of one side of a '::'; the last group may be dotted. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (mayEndDotted && i === groups.length - 1 && group.includes('.')) {
      const v4 = parseV4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function parseV6(text: string): Address | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  const head = parseGroups(sides[0]!, sides.length === 1);
  const tail = sides.length === 1 ? [] : parseGroups(sides[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (sides.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** An address as a resolver or a URL's hostname writes it: brackets and a zone are taken off. Undefined for a name. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (!bare.includes(':')) return parseV4(bare);
  const zone = bare.indexOf('%');
  const address = parseV6(zone === -1 ? bare : bare.slice(0, zone));
  return address === undefined ? undefined : plain(address);
}

/** ::ffff:a.b.c.d is only another spelling of a.b.c.d. */
function plain(address: Address): Address {
  return contains(MAPPED, address) ? address.slice(12) : address;
}

function contains(cidr: Cidr, address: Address): boolean {
  if (cidr.bytes.length !== address.length) return false;
  for (let bit = 0; bit < cidr.bits; bit += 8) {
    const mask = cidr.bits - bit >= 8 ? 0xff : (0xff00 >> (cidr.bits - bit)) & 0xff;
    if (((cidr.bytes[bit / 8]! ^ address[bit / 8]!) & mask) !== 0) return false;
  }
  return true;
}

const MAPPED: Cidr = { bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], bits: 96 };

/** Undefined unless it is an address, a slash and a prefix length, with no bit set behind the prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  if (more.length > 0 || !/^\d{1,3}$/.test(length) || address.includes('%') || address.includes('[')) return undefined;
  const whole = address.includes(':') ? parseV6(address) : parseV4(address);
  if (whole === undefined || Number(length) > whole.length * 8) return undefined;
  const inMapped = Number(length) >= 96 && contains(MAPPED, whole);
  const cidr = inMapped
    ? { bytes: whole.slice(12), bits: Number(length) - 96 }
    : { bytes: whole, bits: Number(length) };
  return cidr.bytes.every((byte, i) => (byte & ~maskAt(cidr.bits, i) & 0xff) === 0) ? cidr : undefined;
}

function maskAt(bits: number, index: number): number {
  const left = bits - index * 8;
  if (left >= 8) return 0xff;
  return left <= 0 ? 0 : (0xff00 >> left) & 0xff;
}

type Standing = 'never' | 'loopback' | 'private';

interface Range extends Cidr {
  readonly standing: Standing;
  readonly says: string;
}

function range(cidr: string, standing: Standing, says: string): Range {
  return { ...parseCidr(cidr)!, standing, says };
}

const LINK_LOCAL = 'link-local, where metadata services live';
const METADATA = "a cloud provider's metadata service";

// The first hit counts, so what is never allowed stands first.
const RANGES: readonly Range[] = [
  range('169.254.0.0/16', 'never', LINK_LOCAL),
  range('fe80::/10', 'never', LINK_LOCAL),
  range('100.100.100.200/32', 'never', METADATA), // Alibaba Cloud
  range('168.63.129.16/32', 'never', METADATA), // Azure: a public address by number, the host by routing
  range('192.0.0.192/32', 'never', METADATA), // Oracle Cloud, classic
  range('fd00:ec2::/32', 'never', METADATA), // AWS: ::254 metadata, ::23 pod identity, ::253 resolver
  range('fd20:ce::254/128', 'never', METADATA), // Google Cloud
  range('fd00:42::42/128', 'never', METADATA), // Scaleway
  range('127.0.0.0/8', 'loopback', 'loopback'),
  range('::1/128', 'loopback', 'loopback'),
  range('0.0.0.0/8', 'private', 'reserved for this host'),
  range('10.0.0.0/8', 'private', 'private'),
  range('100.64.0.0/10', 'private', 'shared by a carrier (RFC 6598)'),
  range('172.16.0.0/12', 'private', 'private'),
  range('192.0.0.0/24', 'private', 'reserved'),
  range('192.0.2.0/24', 'private', 'reserved for documentation'),
  range('192.88.99.0/24', 'private', 'reserved (6to4 relay)'),
  range('192.168.0.0/16', 'private', 'private'),
  range('198.18.0.0/15', 'private', 'reserved for benchmarks'),
  range('198.51.100.0/24', 'private', 'reserved for documentation'),
  range('203.0.113.0/24', 'private', 'reserved for documentation'),
  range('224.0.0.0/4', 'private', 'multicast'),
  range('240.0.0.0/4', 'private', 'reserved'),
  range('::/96', 'private', 'reserved (IPv4-compatible)'),
  range('::ffff:0:0:0/96', 'private', 'reserved (IPv4-translated)'),
  range('64:ff9b:1::/48', 'private', 'reserved for local NAT64'),
  range('fc00::/7', 'private', 'private'),
  range('fec0::/10', 'private', 'site-local'),
  range('ff00::/8', 'private', 'multicast'),
  range('2001::/23', 'private', 'reserved for protocols (Teredo and others)'),
  range('2001:db8::/32', 'private', 'reserved for documentation'),
  range('2002::/16', 'private', 'reserved (6to4)'),
  range('3fff::/20', 'private', 'reserved for documentation'),
];
const GLOBAL_V6 = parseCidr('2000::/3')!;
const NAT64 = parseCidr('64:ff9b::/96')!;
const NAT64_LOCAL = parseCidr('64:ff9b:1::/48')!;
const SIX_TO_FOUR = parseCidr('2002::/16')!;
const TEREDO = parseCidr('2001::/32')!;
const COMPATIBLE = parseCidr('::/96')!;
const TRANSLATED = parseCidr('::ffff:0:0:0/96')!;

/** Every address a packet to `address` may end at. `address` itself is left out where it is no more than a wrapping. */
function meanings(address: Address): readonly Address[] {
  if (address.length === 4) return [address];
  const at = (...indexes: number[]): Address => indexes.map((i) => address[i]!);
  const last = address.slice(12);
  // DNS64 gives these for every IPv4-only host, so a public one behind it is public.
  if (contains(NAT64, address)) return [last];
  const found: Address[] = [address];
  if (contains(NAT64_LOCAL, address)) {
    // RFC 6052, 2.2: where the IPv4 bytes lie for prefixes of 48, 56, 64 and 96 bits; byte 8 is skipped.
    found.push(at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last);
  }
  if (contains(SIX_TO_FOUR, address)) found.push(at(2, 3, 4, 5));
  if (contains(TEREDO, address))
    found.push(
      at(4, 5, 6, 7),
      last.map((byte) => byte ^ 0xff),
    );
  if (contains(TRANSLATED, address)) found.push(last);
  // :: and ::1 are addresses of their own, not IPv4-compatible ones.
  if (contains(COMPATIBLE, address) && (last[0]! | last[1]! | last[2]!) !== 0) found.push(last);
  const isatap = (address[8]! & 0xfd) === 0 && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  if (isatap) found.push(last);
  return found;
}

function standingOf(address: Address): { readonly standing: Standing; readonly says: string } | undefined {
  const hit = RANGES.find((candidate) => contains(candidate, address));
  if (hit !== undefined) return hit;
  if (address.length === 4 || contains(GLOBAL_V6, address)) return undefined;
  return { standing: 'private', says: 'reserved' };
}

/** Written as loopback, not merely translated to it. */
export function isLoopback(address: Address): boolean {
  return standingOf(address)?.standing === 'loopback';
}

/** Why this address must not be reached, or undefined when it may be. Text that is no address is refused. */
export function forbidden(text: string, policy: AddressPolicy): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return 'is not an IP address';
  const found = meanings(address).map((meaning) => ({ meaning, is: standingOf(meaning) }));
  const never = found.find(({ is }) => is?.standing === 'never');
  if (never !== undefined) return `is ${never.is!.says}; it is never allowed`;
  if (policy.loopback && isLoopback(address)) return undefined;
  const listed = (one: Address): boolean => policy.allow?.some((cidr) => contains(cidr, one)) === true;
  const bad = found.find(({ meaning, is }) => is !== undefined && !listed(meaning));
  if (bad === undefined || listed(address)) return undefined;
  const fix =
    policy.allow === undefined ? '' : `; if it is meant, list its range in 'allow', such as '${rangeOf(address)}'`;
  return `is ${bad.is!.says}${fix}`;
}

function rangeOf(address: Address): string {
  if (address.length === 4) return `${address.join('.')}/32`;
  const groups = Array.from({ length: 8 }, (_, i) => ((address[i * 2]! << 8) | address[i * 2 + 1]!).toString(16));
  return `${groups.join(':')}/128`;
}

/** For option tables: what is wrong with a range in `allow`, or undefined. */
export function cidrProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    const due = "must be an address range with no bits behind its prefix, such as '10.0.0.0/8' or 'fd12:3456::1/128'";
    return `${due}, found ${JSON.stringify(text.slice(0, 60))}`;
  }
  const inNever = RANGES.some(
    (known) => known.standing === 'never' && cidr.bits >= known.bits && contains(known, cidr.bytes),
  );
  if (!inNever) return undefined;
  return `${text} is link-local or a metadata service; such addresses are never allowed`;
}
