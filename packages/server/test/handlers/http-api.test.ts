// The REST API as a client meets it: each route's answer and refusals, and the one shape of errors.
import {
  type HttpError,
  httpErrorSchema,
  type MemberPage,
  type MessagePage,
  type Room,
  type RoomPage,
  roomPageSchema,
  roomSchema,
} from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Chat, openChat } from '../session/chat-fixture.ts';

describe('REST', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await openChat();
    // Known here: whoever made a call once.
    for (const user of ['ann', 'bob', 'carl']) await chat.call(user, 'GET', '/api/me');
  });
  afterAll(() => chat.close());

  const call = (...args: Parameters<Chat['call']>) => chat.call(...args);
  const createRoom = async (user: string, visibility = 'public', name = 'Room') =>
    (await call(user, 'POST', '/api/rooms', { name, visibility })).body as Room;
  const say = (user: string, roomId: string, content: string) =>
    call(user, 'POST', `/api/rooms/${roomId}/messages`, { content });
  const refused = ({ status, body }: Answer) => [status, (body as HttpError).code];

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

  describe('people', () => {
    test('GET /api/me is the caller', async () => {
      expect((await call('ann', 'GET', '/api/me')).body).toEqual({
        userId: 'ann',
        name: 'Ann',
        roles: ['ROLE_GENERAL'],
      });
    });

    test("another issuer's ann is another person, by the same name or not", async () => {
      const token = await chat.sign({ sub: 'ann' }, chat.other);
      const { body } = await call(null, 'GET', '/api/me', undefined, { authorization: `bearer ${token}` });
      expect(body).toMatchObject({ name: 'Ann' });
      expect((body as { userId: string }).userId).not.toBe('ann');
    });
  });

  describe('rooms', () => {
    test('POST /api/rooms makes the caller owner and first member', async () => {
      const { status, headers, body } = await call('ann', 'POST', '/api/rooms', {
        name: '  마루  ',
        visibility: 'public',
      });
      const room = roomSchema.strict().parse(body);
      expect(status).toBe(201);
      expect(headers.get('location')).toBe(`/api/rooms/${room.roomId}`);
      expect(room).toMatchObject({
        name: '마루',
        visibility: 'public',
        ownerId: 'ann',
        role: 'owner',
        memberCount: 1,
        head: 1,
        lastMessage: null,
      });
      expect((await call('ann', 'GET', `/api/rooms/${room.roomId}`)).body).toEqual(room);
    });

    test('a name of 80 characters is taken, one of 81 is not', async () => {
      const post = (length: number) =>
        call('ann', 'POST', '/api/rooms', { name: '가'.repeat(length), visibility: 'public' });
      expect((await post(80)).status).toBe(201);
      expect(refused(await post(81))).toEqual([400, 'invalid-request']);
    });

    test('a public room is seen by all, its last message by its members only', async () => {
      const { roomId } = await createRoom('ann');
      await say('ann', roomId, 'for members');
      const seen = async (user: string) => (await call(user, 'GET', `/api/rooms/${roomId}`)).body as Room;
      expect(await seen('ann')).toMatchObject({ role: 'owner', lastMessage: { content: 'for members' } });
      expect(await seen('bob')).toMatchObject({ role: null, lastMessage: null });
      const { body } = await call('bob', 'GET', '/api/rooms?scope=public&limit=100');
      expect((body as RoomPage).rooms.find((room) => room.roomId === roomId)?.lastMessage).toBe(null);
      await call('bob', 'POST', `/api/rooms/${roomId}/members`);
      expect(await seen('bob')).toMatchObject({ role: 'member', lastMessage: { content: 'for members' } });
    });

    test('a private room does not exist for whoever is not in it, by any call', async () => {
      const { roomId } = await createRoom('ann', 'private');
      const path = `/api/rooms/${roomId}`;
      const calls: [string, string, unknown?][] = [
        ['GET', path],
        ['GET', `${path}/members`],
        ['POST', `${path}/members`],
        ['POST', `${path}/members`, { userId: 'carl' }],
        ['DELETE', `${path}/members/ann`],
        ['DELETE', `${path}/members/bob`],
        ['GET', `${path}/messages`],
        ['POST', `${path}/messages`, { content: 'x' }],
      ];
      for (const [method, target, body] of calls) {
        const hidden = await call('bob', method, target, body);
        const unknown = await call('bob', method, target.replace(roomId, 'x'.repeat(21)), body);
        expect([method, target, ...refused(hidden)]).toEqual([method, target, 404, 'room-not-found']);
        const { requestId: _one, ...answer } = hidden.body as HttpError;
        const { requestId: _other, ...same } = unknown.body as HttpError;
        expect(answer).toEqual(same);
      }
      const { body } = await call('bob', 'GET', '/api/rooms?scope=public&limit=100');
      expect((body as RoomPage).rooms.map((room) => room.roomId)).not.toContain(roomId);
    });

    test('lists are read page by page, newest first, each room once', async () => {
      const made: string[] = [];
      for (let n = 0; n < 5; n++)
        made.push((await createRoom('dora', n % 2 === 0 ? 'public' : 'private', `R${n}`)).roomId);
      for (const [scope, expected] of [
        ['joined', made.toReversed()],
        ['public', undefined],
      ] as const) {
        const seen: string[] = [];
        let cursor: string | null = null;
        do {
          const path: string = `/api/rooms?scope=${scope}&limit=2${cursor === null ? '' : `&cursor=${cursor}`}`;
          const page = roomPageSchema.parse((await call('dora', 'GET', path)).body);
          expect(page.rooms.length).toBeLessThanOrEqual(2);
          seen.push(...page.rooms.map((room) => room.roomId));
          cursor = page.nextCursor;
        } while (cursor !== null);
        expect(new Set(seen).size).toBe(seen.length);
        if (expected !== undefined) expect(seen).toEqual(expected);
        else expect(seen.filter((roomId) => made.includes(roomId))).toEqual([made[4], made[2], made[0]]);
      }
    });
  });

  describe('members', () => {
    test('one joins a public room oneself, once, and leaves it again', async () => {
      const { roomId } = await createRoom('ann');
      const path = `/api/rooms/${roomId}/members`;
      const first = await call('bob', 'POST', path);
      expect([first.status, (first.body as Room).role, (first.body as Room).memberCount]).toEqual([
        201,
        'member',
        2,
      ]);
      const again = await call('bob', 'POST', path, {});
      expect([again.status, (again.body as Room).memberCount]).toEqual([200, 2]);
      const { body } = await call('carl', 'GET', path);
      expect((body as MemberPage).members.map(({ userId, name, role }) => [userId, name, role])).toEqual([
        ['ann', 'Ann', 'owner'],
        ['bob', 'Bob', 'member'],
      ]);
      expect((await call('bob', 'DELETE', `${path}/bob`)).status).toBe(204);
      expect((await call('bob', 'DELETE', `${path}/bob`)).status).toBe(204);
      expect((await call('bob', 'GET', `/api/rooms/${roomId}`)).body).toMatchObject({
        role: null,
        memberCount: 1,
      });
    });

    test('an owner adds and removes anyone; nobody else does', async () => {
      const { roomId } = await createRoom('ann', 'private');
      const path = `/api/rooms/${roomId}/members`;
      expect((await call('ann', 'POST', path, { userId: 'bob' })).status).toBe(201);
      expect((await call('ann', 'POST', path, { userId: 'carl', role: 'owner' })).status).toBe(201);
      expect(refused(await call('bob', 'POST', path, { userId: 'ann' }))).toEqual([403, 'access-denied']);
      expect(refused(await call('bob', 'DELETE', `${path}/ann`))).toEqual([403, 'access-denied']);
      expect((await call('carl', 'DELETE', `${path}/bob`)).status).toBe(204);
      expect(refused(await call('bob', 'GET', `/api/rooms/${roomId}`))).toEqual([404, 'room-not-found']);
    });

    test('nobody makes themselves an owner, or adds somebody who is not known', async () => {
      const { roomId } = await createRoom('ann');
      const path = `/api/rooms/${roomId}/members`;
      expect(refused(await call('bob', 'POST', path, { role: 'owner' }))).toEqual([403, 'access-denied']);
      expect(refused(await call('bob', 'POST', path, { userId: 'bob', role: 'owner' }))).toEqual([
        403,
        'access-denied',
      ]);
      expect(refused(await call('bob', 'POST', path, { userId: 'carl' }))).toEqual([403, 'access-denied']);
      expect(refused(await call('ann', 'POST', path, { userId: 'nobody-knows' }))).toEqual([
        404,
        'not-found',
      ]);
    });

    test('the list of members is read page by page in the order of joining', async () => {
      const { roomId } = await createRoom('ann');
      for (const user of ['m1', 'm2', 'm3', 'm4']) await call(user, 'POST', `/api/rooms/${roomId}/members`);
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const path: string = `/api/rooms/${roomId}/members?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
        const page = (await call('ann', 'GET', path)).body as MemberPage;
        seen.push(...page.members.map(({ userId }) => userId));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(['ann', 'm1', 'm2', 'm3', 'm4']);
    });
  });

  describe('messages', () => {
    test('POST stores a message and answers it; members hear it', async () => {
      const { roomId } = await createRoom('ann');
      const client = await chat.connect('ann');
      await client.subscribe(roomId, '0');
      const { status, body } = await say('ann', roomId, '안녕\n😀');
      expect(status).toBe(201);
      expect(body).toMatchObject({
        type: 'message.created',
        roomId,
        senderId: 'ann',
        senderName: 'Ann',
        content: '안녕\n😀',
        seq: 2,
      });
      const [message] = await client.messages(1);
      expect(JSON.parse(Buffer.from(message?.body ?? []).toString())).toEqual(body);
    });

    test('only members read and write the messages of a public room', async () => {
      const { roomId } = await createRoom('ann');
      expect(refused(await say('bob', roomId, 'x'))).toEqual([403, 'not-a-member']);
      expect(refused(await call('bob', 'GET', `/api/rooms/${roomId}/messages`))).toEqual([
        403,
        'not-a-member',
      ]);
    });

    test('the Idempotency-Key is the clientMessageId: the same again answers the first, with 200', async () => {
      const { roomId } = await createRoom('ann');
      const path = `/api/rooms/${roomId}/messages`;
      const key = { 'idempotency-key': 'key-1' };
      const first = await call('ann', 'POST', path, { content: 'once' }, key);
      const again = await call('ann', 'POST', path, { content: 'another text' }, key);
      const named = await call('ann', 'POST', path, { content: 'once', clientMessageId: 'key-1' });
      const sent = await chat.connect('ann');
      sent.send(
        'SEND',
        { destination: '/pub/send/message', receipt: 'r' },
        JSON.stringify({ roomId, content: 'x', clientMessageId: 'key-1' }),
      );
      expect((await sent.receipt('r')).headers.get('seq')).toBe('2');
      expect([first.status, again.status, named.status]).toEqual([201, 200, 200]);
      expect(again.body).toEqual(first.body);
      expect(named.body).toEqual(first.body);
      expect(first.body).toMatchObject({ clientMessageId: 'key-1' });
      expect(await chat.history(roomId)).toEqual(['once']);
    });

    test.each(['a b', 'x'.repeat(65), ''])('the Idempotency-Key "%s" is refused', async (key) => {
      const { roomId } = await createRoom('ann');
      const answer = await call(
        'ann',
        'POST',
        `/api/rooms/${roomId}/messages`,
        { content: 'x' },
        { 'idempotency-key': key },
      );
      expect(refused(answer)).toEqual([400, 'invalid-request']);
    });

    test('AZ07 a sender in the body is refused', async () => {
      const { roomId } = await createRoom('ann');
      const answer = await call('ann', 'POST', `/api/rooms/${roomId}/messages`, {
        content: 'x',
        senderId: 'bob',
      });
      expect(refused(answer)).toEqual([400, 'invalid-request']);
    });

    test('history is read in pages, ascending: the newest, those before a seq, those after one', async () => {
      const { roomId } = await createRoom('ann');
      for (let n = 2; n <= 6; n++) await say('ann', roomId, `${n}`);
      await call('bob', 'POST', `/api/rooms/${roomId}/members`);
      await say('ann', roomId, '8');
      const page = async (query: string) => {
        const { messages, hasMore } = (await call('ann', 'GET', `/api/rooms/${roomId}/messages${query}`))
          .body as MessagePage;
        return [
          messages.map(({ seq }) => seq).join(' '),
          messages.map(({ content }) => content).join(' '),
          hasMore,
        ];
      };
      expect(await page('')).toEqual(['2 3 4 5 6 8', '2 3 4 5 6 8', false]);
      expect(await page('?limit=2')).toEqual(['6 8', '6 8', true]);
      expect(await page('?limit=2&before=6')).toEqual(['4 5', '4 5', true]);
      expect(await page('?limit=2&before=4')).toEqual(['2 3', '2 3', false]);
      expect(await page('?before=1')).toEqual(['', '', false]);
      expect(await page('?limit=3&after=0')).toEqual(['2 3 4', '2 3 4', true]);
      expect(await page('?limit=3&after=5')).toEqual(['6 8', '6 8', false]);
      expect(await page('?after=100')).toEqual(['', '', false]);
    });

    test.each(['before=1&after=1', 'before=0', 'after=-1', 'limit=0', 'limit=201', 'before=x', 'limit=1.5'])(
      'the query %s is refused',
      async (query) => {
        const { roomId } = await createRoom('ann');
        expect(refused(await call('ann', 'GET', `/api/rooms/${roomId}/messages?${query}`))).toEqual([
          400,
          'invalid-request',
        ]);
      },
    );

    test('the most that may be asked for at once is answered', async () => {
      const { roomId } = await createRoom('ann');
      expect((await call('ann', 'GET', `/api/rooms/${roomId}/messages?limit=200`)).status).toBe(200);
      expect((await call('ann', 'GET', `/api/rooms/${roomId}/members?limit=200`)).status).toBe(200);
      expect((await call('ann', 'GET', '/api/rooms?limit=100')).status).toBe(200);
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
        'DELETE /api/rooms/{roomId}/members/{userId}',
        'GET /api/me',
        'GET /api/rooms',
        'GET /api/rooms/{roomId}',
        'GET /api/rooms/{roomId}/members',
        'GET /api/rooms/{roomId}/messages',
        'POST /api/rooms',
        'POST /api/rooms/{roomId}/members',
        'POST /api/rooms/{roomId}/messages',
      ]);
      expect(components.securitySchemes.bearer).toMatchObject({ type: 'http', scheme: 'bearer' });
      expect(security).toEqual([{ bearer: [] }]);
      for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
        expect(operation.summary).toBeTruthy();
        expect(Object.keys(operation.responses ?? {}).length).toBeGreaterThan(0);
        expect(operation.security ?? security).toEqual([{ bearer: [] }]);
      }
    });

    test('the page to browse it comes without a token', async () => {
      const { status, headers, body } = await call(null, 'GET', '/api/docs/');
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('text/html');
      expect(body).toContain('/api/openapi.json');
    });
  });
});
