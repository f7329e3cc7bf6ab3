// The path as the gateway reads it, and the route that it finds.
import { MaruError } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { findRoute, isPublic, normalPath } from '../../src/gateway/routes.ts';
import { defaultRoutes } from './door.ts';

const nowhere = { handleRequest: () => {}, handleUpgrade: () => {} };
const routes = defaultRoutes(nowhere);

describe('the normalised path', () => {
  test.each([
    ['/chat', '/chat'],
    ['/api/rooms?x=/../%2f//', '/api/rooms'],
    ['/%61pi/rooms', '/api/rooms'],
    ['/api/%ED%95%9C', '/api/한'],
    ['/api/a.b', '/api/a.b'],
    ['/', '/'],
  ])('of %s is %s', (target, path) => {
    expect(normalPath(target)).toBe(path);
  });

  test.each([
    '/api/../auth',
    '/api/..',
    '/api/%2e%2e/auth',
    '/api/.%2E/auth',
    '/api/./rooms',
    '/api/%2e/rooms',
    '/api/.',
    '/api%2frooms',
    '/api%2Frooms',
    '/api%252frooms',
    '/api\\rooms',
    '/api%5crooms',
    '/api/%00',
    '/api/%01',
    '/api//rooms',
    '//evil.example/api',
    '/api/%zz',
    '/api/%ff',
    '/api#x',
    'http://evil.example/api',
    '*',
    '',
    undefined,
  ])('of %s does not exist', (target) => {
    expect(() => normalPath(target)).toThrow(
      new MaruError('invalid-request', { message: 'The path is not valid' }),
    );
  });
});

describe('the route', () => {
  test.each([
    ['/chat', '/chat'],
    ['/chat/', undefined],
    ['/chatter', undefined],
    ['/api', '/api/**'],
    ['/api/rooms/1', '/api/**'],
    ['/apis', undefined],
    ['/API/rooms', undefined],
    ['/auth/jwks', '/auth/**'],
    ['/metrics', undefined],
    ['/readyz', undefined],
  ])('of %s is %s', (path, expected) => {
    expect(findRoute(routes, path)?.path).toBe(expected);
  });

  test('is the first that matches', () => {
    const special = {
      path: '/api/special/**',
      kind: 'http',
      upstream: nowhere,
      tokenFilter: 'none',
    } as const;
    expect(findRoute([special, ...routes], '/api/special/1')).toBe(special);
    expect(findRoute([...routes, special], '/api/special/1')?.path).toBe('/api/**');
  });

  test('names paths that need no token', () => {
    const api = findRoute(routes, '/api/rooms');
    if (api === undefined) throw new Error('no route');
    expect(isPublic(api, '/api/docs')).toBe(true);
    expect(isPublic(api, '/api/docs/a/b')).toBe(true);
    expect(isPublic(api, '/api/openapi.json')).toBe(true);
    expect(isPublic(api, '/api/openapi.json/x')).toBe(false);
    expect(isPublic(api, '/api/docsx')).toBe(false);
  });
});
