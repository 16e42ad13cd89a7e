// Which addresses may be reached: every spelling, every wrapping, every kind. The table's kinds come from the IANA
// special-purpose registries; node:net is the independent parser.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { cidrProblem, forbidden, parseAddress, parseCidr } from '../../../functions/targets/address.ts';
import { isLoopbackHost, policyFor, urlProblem } from '../../../functions/targets/url.ts';

const nothing = { loopback: false, allow: [] };
const everything = { loopback: true, allow: ['0.0.0.0/0', '::/0'].map((cidr) => parseCidr(cidr)!) };

type V4 = readonly [number, number, number, number];

const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
const inverted = (v4: V4): V4 => v4.map((byte) => byte ^ 255) as unknown as V4;
const groups = ([a, b, c, d]: V4): string => `${hex(a, b)}:${hex(c, d)}`;

/** Ways to write an IPv4 address, or to carry one, as an IPv6 address. */
const wrappings: Readonly<Record<string, (v4: V4) => string>> = {
  'IPv4-mapped, dotted': (v4) => `::ffff:${v4.join('.')}`,
  'IPv4-mapped, hex': (v4) => `::ffff:${groups(v4)}`,
  'IPv4-mapped, long': (v4) => `0000:0000:0000:0000:0000:FFFF:${groups(v4)}`,
  'IPv4-compatible': (v4) => `::${groups(v4)}`,
  'IPv4-translated': (v4) => `::ffff:0:${groups(v4)}`,
  NAT64: (v4) => `64:ff9b::${v4.join('.')}`,
  'NAT64, local, 96 bits': (v4) => `64:ff9b:1::${v4.join('.')}`,
  'NAT64, local, 48 bits': ([a, b, c, d]) => `64:ff9b:1:${hex(a, b)}:${hex(0, c)}:${hex(d, 0)}::`,
  'NAT64, local, 64 bits': ([a, b, c, d]) => `64:ff9b:1:0:${hex(0, a)}:${hex(b, c)}:${hex(d, 0)}:0`,
  '6to4': (v4) => `2002:${groups(v4)}::1`,
  'Teredo, server': (v4) => `2001:0:${groups(v4)}::`,
  'Teredo, client': (v4) => `2001:0:808:808:0:0:${groups(inverted(v4))}`,
  'ISATAP, private': (v4) => `2a00:1450:4001:81b:0:5efe:${groups(v4)}`,
  'ISATAP, global': (v4) => `2a00:1450:4001:81b:200:5efe:${groups(v4)}`,
};

const bad: Readonly<Record<string, readonly V4[]>> = {
  loopback: [
    [127, 0, 0, 1],
    [127, 255, 255, 254],
  ],
  private: [
    [10, 0, 0, 1],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [192, 168, 1, 1],
    [100, 64, 0, 1],
  ],
  reserved: [
    [0, 0, 0, 0],
    [192, 0, 0, 8],
    [192, 0, 2, 1],
    [198, 19, 255, 1],
    [198, 51, 100, 1],
    [203, 0, 113, 1],
    [224, 0, 0, 1],
    [255, 255, 255, 255],
  ],
};
const never: readonly V4[] = [
  [169, 254, 169, 254],
  [169, 254, 170, 2],
  [169, 254, 0, 0],
  [100, 100, 100, 200],
  [168, 63, 129, 16],
  [192, 0, 0, 192],
];
const open: readonly V4[] = [
  [8, 8, 8, 8],
  [172, 32, 0, 1],
  [192, 167, 255, 255],
  [100, 128, 0, 1],
  [168, 63, 129, 17],
  [223, 255, 255, 255],
];

test('address: every kind of address that is not public is refused in every wrapping', () => {
  for (const [kind, addresses] of Object.entries({ ...bad, never })) {
    for (const v4 of addresses) {
      assert.ok(forbidden(v4.join('.'), nothing), `${kind} ${v4.join('.')}`);
      for (const [wrapping, wrap] of Object.entries(wrappings)) {
        assert.equal(isIP(wrap(v4)), 6, `the table is wrong: ${wrapping} ${wrap(v4)}`);
        assert.ok(forbidden(wrap(v4), nothing), `${kind} ${v4.join('.')} as ${wrapping} ${wrap(v4)}`);
      }
    }
  }
});

test('address: link-local and metadata addresses are refused in every wrapping even when everything is allowed', () => {
  for (const v4 of never) {
    for (const address of [v4.join('.'), ...Object.values(wrappings).map((wrap) => wrap(v4))]) {
      assert.match(String(forbidden(address, everything)), /it is never allowed$/, address);
    }
  }
  for (const address of ['fe80::1', 'febf::1', 'fe80::1%eth0', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']) {
    assert.match(String(forbidden(address, everything)), /it is never allowed$/, address);
  }
});

test('address: public addresses pass, wrapped only where a gateway hands them out', () => {
  const passing = new Set(['IPv4-mapped, dotted', 'IPv4-mapped, hex', 'IPv4-mapped, long', 'NAT64', 'ISATAP, private']);
  passing.add('ISATAP, global');
  for (const v4 of open) {
    assert.equal(forbidden(v4.join('.'), nothing), undefined, v4.join('.'));
    for (const [wrapping, wrap] of Object.entries(wrappings)) {
      assert.equal(forbidden(wrap(v4), nothing) === undefined, passing.has(wrapping), `${wrapping} ${wrap(v4)}`);
    }
  }
  for (const address of ['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2003::1', '3ffe::1']) {
    assert.equal(forbidden(address, nothing), undefined, address);
  }
});

test('address: IPv6 that is not global unicast is refused', () => {
  const refused = ['::', '::1', 'fc00::1', 'fd12:3456::1', 'fec0::1', 'ff02::1', '100::1', '2001:db8::1', '2001:10::1'];
  for (const address of [...refused, '3fff:fff::1', '4000::1', '5f00::1', 'e000::1', '2002::', '2001::1']) {
    assert.ok(forbidden(address, nothing), address);
  }
});

test('address: loopback is allowed only under the policy and only as itself', () => {
  const local = { loopback: true, allow: [] };
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
    assert.equal(forbidden(address, local), undefined, address);
  }
  for (const address of ['0.0.0.0', '::', '::127.0.0.1', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '10.0.0.1']) {
    assert.ok(forbidden(address, local), address);
  }
});

test('address: a range in allow opens what lies in it and nothing beside it', () => {
  const allowed = (address: string, ...allow: string[]) =>
    forbidden(address, { loopback: false, allow: allow.map((cidr) => parseCidr(cidr)!) }) === undefined;

  assert.ok(allowed('10.1.2.3', '10.0.0.0/8'));
  assert.ok(allowed('::ffff:10.1.2.3', '10.0.0.0/8'));
  assert.ok(allowed('10.1.2.3', '::ffff:10.0.0.0/104'));
  assert.ok(allowed('64:ff9b::10.1.2.3', '10.0.0.0/8'));
  assert.ok(!allowed('192.168.0.1', '10.0.0.0/8'));
  assert.ok(!allowed('10.1.2.3', '10.1.2.0/31'));
  assert.ok(allowed('10.1.2.1', '10.1.2.0/31'));
  assert.ok(!allowed('10.1.2.3', 'fd00::/8'));
  assert.ok(allowed('fd12::1', 'fd00::/8'));
  assert.ok(!allowed('fc12::1', 'fd00::/8'));
  assert.ok(!allowed('2002:a01:203::1', '10.0.0.0/8'), 'the 6to4 address itself is not in the range');
  assert.ok(!allowed('127.0.0.1', '10.0.0.0/8', '192.168.0.0/16'));
});

test('address: the reason says what the address is and how to allow it', () => {
  assert.equal(
    forbidden('10.0.0.5', nothing),
    "is private; if it is meant, list its range in 'allow', such as '10.0.0.5/32'",
  );
  assert.equal(forbidden('fd12::5', nothing)?.slice(-25), "such as 'fd12:0:0:0:0:0:0:5/128'".slice(-25));
  assert.equal(forbidden('10.0.0.5', { loopback: false, allow: undefined }), 'is private');
  assert.equal(forbidden('example.com', nothing), 'is not an IP address');
});

test('address: parsing agrees with node:net', () => {
  const fixed = ['1.2.3.4', '01.2.3.4', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.-4', '', ':', '::', ':::', '1::2::3'];
  fixed.push(
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:1.2.3.4',
    '1.2.3.4::',
  );
  fixed.push('::1.2.3', '::01.2.3.4', '12345::', 'g::', '1:2:3:4:5:6:7:1.2.3.4', '::ffff:1.2.3.4', ':1:2:3:4:5:6:7:8');
  for (const text of fixed) assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);

  const piece = fc.oneof(fc.constantFrom(':', '::', '.', '0', 'ffff', '1.2.3.4', '255'), fc.string({ maxLength: 4 }));
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      fc.pre(!/[%[\]]/.test(candidate));
      assert.equal(parseAddress(candidate) !== undefined, isIP(candidate) !== 0, candidate);
    }),
    { numRuns: 3_000 },
  );
});

test('address: the bytes of an address are the same however it is spelled', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      // The URL parser gives the shortest form of the same address.
      assert.deepEqual(parseAddress(new URL(`http://[${text}]/`).hostname), parseAddress(text));
    }),
    { numRuns: 1_000 },
  );
});

test('address: a range with a mistake, or of what is never allowed, is refused', () => {
  for (const cidr of ['10.0.0.0/8', '10.1.2.3/32', '0.0.0.0/0', 'fd00::/8', '::/0', '::1/128']) {
    assert.equal(cidrProblem(cidr), undefined, cidr);
  }
  for (const cidr of [
    '10.0.0.0',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10/8',
    'fd00::/129',
    'x/8',
    '10.0.0.0/8/8',
  ]) {
    assert.match(String(cidrProblem(cidr)), /must be an address range/, cidr);
  }
  for (const cidr of [
    '169.254.169.254/32',
    '169.254.0.0/16',
    'fe80::/64',
    '100.100.100.200/32',
    '::ffff:169.254.0.0/112',
  ]) {
    assert.match(String(cidrProblem(cidr)), /never allowed/, cidr);
  }
});

test('url: other spellings of loopback are loopback literals, names that resolve to it are not', () => {
  const literals = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '0x7f000001', '127.0.0.1.', '[::1]'];
  for (const host of [...literals, '[::ffff:7f00:1]', 'localhost', 'LOCALHOST', '１２７.0.0.1']) {
    const url = new URL(`http://${host}/`);
    assert.equal(urlProblem(url.href), undefined, host);
    assert.ok(isLoopbackHost(url), host);
    assert.ok(policyFor(url, [], true).loopback, host);
    assert.ok(!policyFor(url, [], false).loopback, `${host}, not local`);
  }
  for (const host of [
    'localhost.',
    'a.localhost',
    'localhost.example',
    'localtest.me',
    '0',
    '0.0.0.0',
    '[::]',
    '127.0.0.1.nip.io',
  ]) {
    assert.ok(!isLoopbackHost(new URL(`http://${host}/`)), host);
  }
});
