// Which entries a list of trusted proxies takes, and whom it then trusts.
import { describe, expect, test } from 'vitest';
import { createForwarding } from '../../src/gateway/forwarded.ts';
import { createProxyCheck, isProxyEntry } from '../../src/http/proxy-list.ts';

describe('an entry', () => {
  test.each([
    '10.0.0.1',
    '10.0.0.0/8',
    '10.0.0.1/32',
    '0.0.0.0/0',
    '::1',
    'fd00::/8',
    '2001:DB8::1/128',
    '::/0',
  ])('%s is taken', (entry) => {
    expect(isProxyEntry(entry)).toBe(true);
    expect(() => createProxyCheck(['10.0.0.1', entry])).not.toThrow();
  });

  test.each([
    'foo',
    '',
    ' ',
    '10.0.0.1 ',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1:80',
    '[::1]',
    '10.0.0.0/33',
    '10.0.0.0/99',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/08',
    '10.0.0.0/8.5',
    '10.0.0.0/0x8',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '/8',
    'fe80::1%eth0',
    'fe80::%eth0/10',
    'proxy.example.com',
  ])('%j is refused and named', (entry) => {
    const message = `"${entry}" is no address or CIDR range, such as 10.0.0.0/8`;
    expect(isProxyEntry(entry)).toBe(false);
    for (const build of [createProxyCheck, createForwarding]) {
      expect(() => build(['10.0.0.1', entry])).toThrow(new TypeError(message));
    }
  });
});

describe('the list', () => {
  const isProxy = createProxyCheck(['10.0.0.0/8', '192.0.2.1', 'fd00::/16', '2001:db8::1']);

  test.each([
    ['10.0.0.0', true],
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['9.255.255.255', false],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['fd00:ffff::1', true],
    ['fd01::1', false],
    ['2001:db8:0:0:0:0:0:1', true],
    ['2001:db8::2', false],
    ['::ffff:10.1.2.3', true],
    ['::ffff:11.1.2.3', false],
    ['unknown', false],
    ['', false],
    ['10.0.0.1, 10.0.0.2', false],
  ])('trusts %j: %s', (address, trusted) => {
    expect(isProxy(address)).toBe(trusted);
  });

  test('without entries trusts nobody', () => {
    expect(createProxyCheck([])('127.0.0.1')).toBe(false);
  });
});
