// The REST API as a client meets it: the one shape of errors, and its documentation.
import { type HttpError, httpErrorSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('REST', () => {
  let chat: Chat;
  let rest: Rest;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl');
  });
  afterAll(() => chat.close());
  const call = (...args: Parameters<Chat['call']>) => rest.call(...args);

  describe('errors', () => {
    const refusals: [string, number, string, () => Promise<Answer>][] = [
      ['no token', 401, 'token-missing', () => call(null, 'GET', '/api/me')],
      [
        'a bad token',
        401,
        'token-invalid',
        () => call(null, 'GET', '/api/me', undefined, { authorization: 'Bearer x' }),
      ],
      [
        'an expired token',
        401,
        'token-expired',
        async () =>
          call(null, 'GET', '/api/me', undefined, {
            authorization: `Bearer ${await chat.sign({ exp: 1_000 })}`,
          }),
      ],
      ['an unknown address', 404, 'not-found', () => call('ann', 'GET', '/api/nothing')],
      ['an unknown address without a token', 404, 'not-found', () => call(null, 'GET', '/api/nothing')],
      ['a method that is not offered', 404, 'not-found', () => call('ann', 'DELETE', '/api/me')],
      ['no JSON', 400, 'invalid-request', () => call('ann', 'POST', '/api/rooms', '{"name":')],
      ['an empty body', 400, 'invalid-request', () => call('ann', 'POST', '/api/rooms', '')],
      [
        'another content type',
        415,
        'unsupported-content-type',
        () =>
          call('ann', 'POST', '/api/rooms', 'name=x', {
            'content-type': 'application/x-www-form-urlencoded',
          }),
      ],
      [
        'a body that is too large',
        413,
        'payload-too-large',
        () => call('ann', 'POST', '/api/rooms', `{"name":"${'x'.repeat(65_536)}"}`),
      ],
      [
        'a field too many',
        400,
        'invalid-request',
        () => call('ann', 'POST', '/api/rooms', { name: 'x', visibility: 'public', ownerId: 'bob' }),
      ],
      ['a field too few', 400, 'invalid-request', () => call('ann', 'POST', '/api/rooms', { name: 'x' })],
      [
        'a name of blanks',
        400,
        'invalid-request',
        () => call('ann', 'POST', '/api/rooms', { name: '   ', visibility: 'public' }),
      ],
      ['an unknown query', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms?offset=1')],
      ['a limit of 0', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms?limit=0')],
      ['a limit past the most', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms?limit=101')],
      ['a foreign cursor', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms?cursor=x')],
      ['a room that is no id', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms/a.b')],
      ['an unknown room', 404, 'room-not-found', () => call('ann', 'GET', '/api/rooms/unknown')],
      ['a broken escape in the address', 400, 'invalid-request', () => call('ann', 'GET', '/api/rooms/%zz')],
      [
        'an id that is too long',
        400,
        'invalid-request',
        () => call('ann', 'GET', `/api/rooms/${'x'.repeat(200)}`),
      ],
    ];
    test.each(refusals)('%s is answered %i %s in the common shape', async (_what, status, code, make) => {
      const answer = await make();
      expect(refused(answer)).toEqual([status, code]);
      const body = httpErrorSchema.strict().parse(answer.body);
      expect(body.statusCode).toBe(status);
      expect(body.error).not.toBe('');
      expect(body.requestId).not.toBe('');
      expect(body.message.length).toBeLessThanOrEqual(200);
      expect(JSON.stringify({ ...body, requestId: '' })).not.toMatch(/zod|fst_err|\.ts|node_modules|sqlite/i);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    });

    test('TK06 a 401 names the scheme; that the token is bad only where there was one', async () => {
      const [missing, bad] = [
        await call(null, 'GET', '/api/me'),
        await call(null, 'GET', '/api/me', undefined, { authorization: 'Bearer x' }),
      ];
      expect(missing.headers.get('www-authenticate')).toBe('Bearer');
      expect(bad.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    });

    test('the request id of the gateway comes back', async () => {
      const { body } = await call('ann', 'GET', '/api/nothing', undefined, {
        'x-request-id': 'from-the-gateway',
      });
      expect((body as HttpError).requestId).toBe('from-the-gateway');
    });

    test('an error of ours shows no detail and is in the log', async () => {
      const failing = await openChat({
        verify: () => Promise.reject(new Error('connect to 10.0.0.7 failed')),
      });
      const answer = await failing.call('ann', 'GET', '/api/me');
      expect(refused(answer)).toEqual([500, 'internal']);
      expect((answer.body as HttpError).message).toBe('Something went wrong on our side');
      expect(JSON.stringify(failing.log)).toContain('connect to 10.0.0.7 failed');
      await failing.close();
    });

    test('when the database is gone a call is answered, not left hanging', async () => {
      const failing = await openChat();
      const roomId = await failing.newRoom('ann');
      await failing.store.close();
      const answers = [
        await failing.call('ann', 'GET', `/api/rooms/${roomId}`),
        await failing.call('ann', 'POST', `/api/rooms/${roomId}/messages`, { content: 'x' }),
      ];
      for (const { status, body } of answers) {
        expect(status).toBeGreaterThanOrEqual(500);
        httpErrorSchema.strict().parse(body);
      }
      await failing.close();
    });
  });

  describe('documentation', () => {
    test('OpenAPI lists every route, each with its answers and a bearer token; nobody needs one to read it', async () => {
      const { status, body } = await call(null, 'GET', '/api/openapi.json');
      expect(status).toBe(200);
      const { paths, components, security, openapi } = body as {
        openapi: string;
        paths: Record<string, Record<string, { summary?: string; responses?: object; security?: unknown }>>;
        components: { securitySchemes: Record<string, unknown> };
        security: unknown;
      };
      expect(openapi).toMatch(/^3\.1/);
      const routes = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      );
      expect(routes.sort()).toEqual([
        'DELETE /api/rooms/{roomId}',
        'DELETE /api/rooms/{roomId}/members/{userId}',
        'DELETE /api/rooms/{roomId}/messages/{messageId}',
        'DELETE /api/rooms/{roomId}/messages/{messageId}/reactions/{emoji}',
        'GET /api/me',
        'GET /api/rooms',
        'GET /api/rooms/{roomId}',
        'GET /api/rooms/{roomId}/members',
        'GET /api/rooms/{roomId}/messages',
        'GET /api/search',
        'GET /api/users',
        'PATCH /api/rooms/{roomId}',
        'PATCH /api/rooms/{roomId}/messages/{messageId}',
        'POST /api/direct',
        'POST /api/rooms',
        'POST /api/rooms/{roomId}/members',
        'POST /api/rooms/{roomId}/messages',
        'PUT /api/rooms/{roomId}/messages/{messageId}/reactions/{emoji}',
        'PUT /api/rooms/{roomId}/read',
      ]);
      expect(components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
      expect(security).toEqual([{ bearer: [] }]);
      for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
        expect(operation.summary).toBeTruthy();
        expect(Object.keys(operation.responses ?? {}).length).toBeGreaterThan(0);
        expect(operation.security ?? security).toEqual([{ bearer: [] }]);
      }
    });

    test('every pattern in it is one that JSON Schema can have', async () => {
      const { body } = await call(null, 'GET', '/api/openapi.json');
      const patterns: string[] = [];
      JSON.stringify(body, (key, value) => {
        if (key === 'pattern' && typeof value === 'string') patterns.push(value);
        return value;
      });
      expect(patterns.length).toBeGreaterThan(0);
      for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow();
    });

    test('the page to browse it comes without a token', async () => {
      const { status, headers, body } = await call(null, 'GET', '/api/docs/');
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('text/html');
      expect(body).toContain('/api/openapi.json');
    });
  });
});
