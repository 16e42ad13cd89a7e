// What a url must look like to be a target, and which addresses it may lead to. Pure: no name is resolved here.
// A message shows the scheme and host at most: a path or query may hold a token.

import { type AddressPolicy, isLoopback, parseAddress, parseCidr } from './address.ts';

/** For option tables: what is wrong with the url, or undefined. */
export function urlProblem(text: string): string | undefined {
  // URL would silently drop tabs and line ends, and read a backslash as a slash.
  if (/[\s\\]/.test(text)) return 'must be a url without spaces, line ends or backslashes';
  const url = URL.parse(text);
  if (url === null) return "must be a whole url such as 'https://ci.example.com/hooks'";
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `must begin with https:// or http://, found '${url.protocol.slice(0, 20)}'`;
  }
  if (url.username !== '' || url.password !== '') {
    return "must not hold a user name or password; name a variable in 'secret' instead and verify the signature";
  }
  if (text.includes('#')) return "must not have a fragment ('#...'), since it is never sent";
  return undefined;
}

/** Loopback is a matter of how the url is written: a name that resolves to it does not count. */
export function isLoopbackHost(url: URL): boolean {
  if (url.hostname === 'localhost') return true;
  const address = parseAddress(url.hostname);
  return address !== undefined && isLoopback(address);
}

/** `allow`: checked ranges; undefined for a kind of target that has no such option. */
export function policyFor(url: URL, allow: readonly string[] | undefined, local: boolean): AddressPolicy {
  return {
    loopback: local && isLoopbackHost(url),
    allow: allow?.map(parseCidr).filter((cidr) => cidr !== undefined),
  };
}
