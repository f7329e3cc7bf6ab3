// The origins that may open a WebSocket.
import { describe, expect, test } from 'vitest';
import { OriginList } from '../../src/http/origin-list.ts';

const list = new OriginList([
  'https://app.example.com',
  'http://127.0.0.1:5500',
  'https://*.example.org',
  'http://[::1]:5500',
]);

describe('origin list', () => {
  test.each([
    'https://app.example.com',
    'HTTPS://APP.Example.com',
    'https://app.example.com:443',
    'http://127.0.0.1:5500',
    'http://[::1]:5500',
    'https://any.example.org',
  ])('OR02 %s is allowed', (origin) => {
    expect(list.allows(origin)).toBe(true);
  });

  test.each([
    ['another host', 'https://evil.example'],
    ['a suffix trick', 'https://app.example.com.evil.io'],
    ['a prefix trick', 'https://evil-app.example.com'],
    ['the name as a path', 'https://evil.io/app.example.com'],
    ['the name as a user', 'https://app.example.com@evil.io'],
    ['the other scheme', 'http://app.example.com'],
    ['the WebSocket scheme', 'wss://app.example.com'],
    ['another port', 'https://app.example.com:8443'],
    ['no port where the list has one', 'http://127.0.0.1'],
    ['the same address by another name', 'http://localhost:5500'],
    ['a trailing dot', 'https://app.example.com.'],
    ['a trailing slash', 'https://app.example.com/'],
    ['a path', 'https://app.example.com/page'],
    ['a space', ' https://app.example.com'],
    ['a line break', 'https://app.example.com\nhttps://evil.io'],
    ['a port that is no number', 'https://app.example.com:x'],
    ['a sub-domain of an exact entry', 'https://x.app.example.com'],
    ['two labels for one *', 'https://a.b.example.org'],
    ['no label for *', 'https://example.org'],
    ['an empty label for *', 'https://.example.org'],
    ['a suffix of the wildcard', 'https://evilexample.org'],
    ['the wildcard itself', 'https://*.example.org'],
    ['the wildcard over http', 'http://any.example.org'],
    ['a wildcard suffix trick', 'https://any.example.org.evil.io'],
    ['a name of other letters that look alike', 'https://аpp.example.com'],
  ])('OR02 %s is not allowed', (_what, origin) => {
    expect(list.allows(origin)).toBe(false);
  });

  test.each([
    ['null', 'null'],
    ['two origins', 'https://app.example.com, https://app.example.com'],
    ['two origins with a space', 'https://app.example.com https://evil.io'],
    ['nothing', ''],
    ['a file', 'file://'],
    ['an extension', 'chrome-extension://abcdef'],
    ['no scheme', 'app.example.com'],
  ])('OR03 %s is not allowed', (_what, origin) => {
    expect(list.allows(origin)).toBe(false);
  });

  test('OR04 no Origin at all is no browser, and allowed', () => {
    expect(list.allows(undefined)).toBe(true);
    expect(new OriginList([]).allows(undefined)).toBe(true);
  });

  test('an empty list allows no page', () => {
    expect(new OriginList([]).allows('https://app.example.com')).toBe(false);
  });

  test.each([
    '*',
    'https://*',
    'app.example.com',
    'https://app.example.com/',
    'https://a*.example.com',
    'https://*.*.example.com',
    'null',
  ])('the entry %s is refused by name', (entry) => {
    expect(() => new OriginList([entry])).toThrow(entry);
  });
});
