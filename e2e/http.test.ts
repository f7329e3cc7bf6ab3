// What HTTP clients, pages and curl see of the gateway, in every topology.
import type { Me, MessageCreated, Room, RoomPage } from '@maru/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { accessToken, ask, call, createRoom, history, type Person, signUp } from './people.ts';
import { RawStomp, refusalOf } from './raw-stomp.ts';
import { describeTopologies } from './topology.ts';

const EVIL = 'http://evil.example';

describeTopologies((maru) => {
  let ann: Person;
  let bo: Person;
  let eve: Person;

  beforeAll(async () => {
    [ann, bo, eve] = await Promise.all([signUp(maru, 'Ann'), signUp(maru, 'Bo'), signUp(maru, 'Eve')]);
  });

  describe('accounts', () => {
    it('whoever signed up can sign in again and get an access token', async () => {
      const { email, password } = ann;
      const signedIn = await call<{ token: string; user: { id: string; name: string } }>(
        maru,
        null,
        'POST /auth/sign-in/email',
        { email, password },
      );
      expect(signedIn.user).toMatchObject({ id: ann.userId, name: 'Ann' });
      const token = await accessToken(maru, signedIn.token);
      const me = await call<Me>(maru, { token }, 'GET /api/me');
      expect(me).toEqual({ userId: ann.userId, name: 'Ann', roles: ['ROLE_GENERAL'] });
    });

    it('a wrong password is refused with a code and a sentence, and no token', async () => {
      const body = { email: ann.email, password: 'wrong horse battery' };
      const answer = await ask(maru, 'POST /auth/sign-in/email', { body });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(JSON.parse(answer.text)).toEqual({ code: expect.any(String), message: expect.any(String) });
    });

    it('a session that was signed out gives no more access tokens', async () => {
      const { email, password } = eve;
      const { token } = await call<{ token: string }>(maru, null, 'POST /auth/sign-in/email', {
        email,
        password,
      });
      await call(maru, { token }, 'POST /auth/sign-out', {});
      expect((await ask(maru, 'GET /auth/token', { token })).status).toBe(401);
    });

    it('the keys of the access tokens are public, and hold no private part', async () => {
      const { keys } = await call<{ keys: Record<string, string>[] }>(maru, null, 'GET /auth/jwks');
      expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256' });
      for (const key of keys) expect(key).not.toHaveProperty('d');
    });
  });

  describe('rooms', () => {
    it('a room is created, found in the lists, joined and left', async () => {
      const room = await call<Room>(maru, ann, 'POST /api/rooms', {
        name: '마당 Yard',
        visibility: 'public',
      });
      expect(room).toMatchObject({ name: '마당 Yard', role: 'owner', memberCount: 1, ownerId: ann.userId });
      const listed = async (person: Person, scope: string) => {
        const { rooms } = await call<RoomPage>(maru, person, `GET /api/rooms?scope=${scope}&limit=100`);
        return rooms.find(({ roomId }) => roomId === room.roomId);
      };
      expect(await listed(bo, 'joined')).toBeUndefined();
      expect(await listed(bo, 'public')).toMatchObject({ name: '마당 Yard', role: null });
      const joined = await call<Room>(maru, bo, `POST /api/rooms/${room.roomId}/members`);
      expect(joined).toMatchObject({ role: 'member', memberCount: 2 });
      expect(await listed(bo, 'joined')).toMatchObject({ name: '마당 Yard' });
      const { members } = await call<{ members: { name: string }[] }>(
        maru,
        bo,
        `GET /api/rooms/${room.roomId}/members`,
      );
      expect(members).toMatchObject([
        { userId: ann.userId, name: 'Ann', role: 'owner' },
        { userId: bo.userId, name: 'Bo', role: 'member' },
      ]);
      await call(maru, bo, `DELETE /api/rooms/${room.roomId}/members/${bo.userId}`);
      expect(await listed(bo, 'joined')).toBeUndefined();
    });

    it('a private room is not there for whoever is not in it', async () => {
      const roomId = await createRoom(maru, ann, [bo], 'private');
      await call(maru, bo, `GET /api/rooms/${roomId}`);
      for (const line of [
        `GET /api/rooms/${roomId}`,
        `GET /api/rooms/${roomId}/members`,
        `POST /api/rooms/${roomId}/members`,
        `DELETE /api/rooms/${roomId}/members/${bo.userId}`,
        `GET /api/rooms/${roomId}/messages`,
        `POST /api/rooms/${roomId}/messages`,
      ]) {
        const body = line.endsWith('messages') && line.startsWith('POST') ? { content: 'hi' } : undefined;
        const answer = await ask(maru, line, { token: eve.token, ...(body === undefined ? {} : { body }) });
        const nowhere = await ask(maru, line.replace(roomId, 'no-such-room'), {
          token: eve.token,
          ...(body === undefined ? {} : { body }),
        });
        expect(answer.status, line).toBe(404);
        expect(withoutId(answer.text), line).toEqual(withoutId(nowhere.text));
      }
    });

    it('whoever is not in a public room sees it but neither reads nor writes there', async () => {
      const roomId = await createRoom(maru, ann);
      await call(maru, eve, `GET /api/rooms/${roomId}`);
      const line = `/api/rooms/${roomId}/messages`;
      const read = await ask(maru, `GET ${line}`, { token: eve.token });
      const written = await ask(maru, `POST ${line}`, { token: eve.token, body: { content: 'hi' } });
      for (const answer of [read, written]) {
        expect(answer.status).toBe(403);
        expect(JSON.parse(answer.text)).toMatchObject({ code: 'not-a-member' });
      }
    });

    it('a message posted twice with one Idempotency-Key is stored once', async () => {
      const roomId = await createRoom(maru, ann);
      const post = () =>
        ask(maru, `POST /api/rooms/${roomId}/messages`, {
          token: ann.token,
          headers: { 'Idempotency-Key': 'order-17' },
          body: { content: 'once' },
        });
      const [first, second] = [await post(), await post()];
      expect([first.status, second.status]).toEqual([201, 200]);
      const stored = JSON.parse(first.text) as MessageCreated;
      expect(JSON.parse(second.text)).toEqual(stored);
      expect((await history(maru, ann, roomId)).messages).toEqual([stored]);
    });
  });

  describe('errors', () => {
    it.each([
      [undefined, 'token-missing', 'Token is missing'],
      ['not-a-token', 'token-invalid', 'Token is invalid'],
    ])('a call with the token %s gets 401 %s', async (token, code, message) => {
      const answer = await ask(maru, 'GET /api/rooms', token === undefined ? {} : { token });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(JSON.parse(answer.text)).toEqual({
        statusCode: 401,
        code,
        error: 'Unauthorized',
        message,
        requestId: answer.headers.get('x-request-id'),
      });
      expect(answer.text).not.toContain('not-a-token');
    });

    it.each([
      ['GET /api/rooms/no-such-room', undefined, 404, 'room-not-found'],
      ['GET /api/nothing-here', undefined, 404, 'not-found'],
      ['GET /nothing-here', undefined, 404, 'not-found'],
      ['POST /api/rooms', '{"name":', 400, 'invalid-request'],
      ['POST /api/rooms', { name: '', visibility: 'public' }, 400, 'invalid-request'],
      ['POST /api/rooms', { name: 'n', visibility: 'public', ownerId: 'me' }, 400, 'invalid-request'],
      ['GET /api/rooms?limit=0', undefined, 400, 'invalid-request'],
    ])('%s with %j is answered in the common shape', async (line, body, status, code) => {
      const answer = await ask(maru, line, { token: ann.token, ...(body === undefined ? {} : { body }) });
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.text)).toEqual({
        statusCode: status,
        code,
        error: expect.any(String),
        message: expect.any(String),
        requestId: answer.headers.get('x-request-id'),
      });
      expect(answer.text).not.toMatch(/\bat .*:\d+|node_modules|SELECT|INSERT/);
    });
  });

  describe('CORS', () => {
    const corsHeaders = ({ headers }: { headers: Headers }) =>
      [...headers.keys()].filter((name) => name.startsWith('access-control-'));

    it.each([
      ['an answer of the chat service', 'GET /api/rooms', 200],
      ['an answer of the identity service', 'GET /auth/jwks', 200],
      ['an error of the chat service', 'GET /api/rooms/no-such-room', 404],
    ])('%s names the page that asked, once', async (_, line, status) => {
      const answer = await ask(maru, line, { token: ann.token, headers: { origin: maru.pageUrl } });
      expect(answer.status).toBe(status);
      // Had it come twice, fetch would show both, joined by a comma.
      expect(answer.headers.get('access-control-allow-origin')).toBe(maru.pageUrl);
      expect(answer.headers.get('access-control-allow-credentials')).toBe('true');
      expect(answer.headers.get('vary')).toMatch(/\borigin\b/i);
    });

    it('a page can read the 401 that the gateway itself gives', async () => {
      const answer = await ask(maru, 'GET /api/rooms', { headers: { origin: maru.pageUrl } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('access-control-allow-origin')).toBe(maru.pageUrl);
      expect(answer.headers.get('access-control-expose-headers')).toMatch(/WWW-Authenticate/i);
    });

    it('a preflight is answered without a token', async () => {
      const answer = await ask(maru, 'OPTIONS /api/rooms', {
        headers: {
          origin: maru.pageUrl,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key',
        },
      });
      expect(answer.status).toBe(204);
      expect(answer.headers.get('access-control-allow-origin')).toBe(maru.pageUrl);
      expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
      expect(answer.headers.get('access-control-allow-headers')).toMatch(/authorization/i);
      expect(answer.headers.get('access-control-max-age')).toBe('3600');
    });

    it.each([EVIL, 'null', 'http://127.0.0.1:1', 'http://localhost'])(
      'another origin is refused without any CORS header: %s',
      async (origin) => {
        const plain = await ask(maru, 'GET /api/rooms', { token: ann.token, headers: { origin } });
        const preflight = await ask(maru, 'OPTIONS /api/rooms', {
          headers: { origin, 'access-control-request-method': 'GET' },
        });
        for (const answer of [plain, preflight]) {
          expect(answer.status).toBe(403);
          expect(corsHeaders(answer)).toEqual([]);
          expect(answer.headers.get('vary')).toMatch(/\borigin\b/i);
        }
      },
    );

    it('whoever is no page gets no CORS header', async () => {
      expect(corsHeaders(await ask(maru, 'GET /api/rooms', { token: ann.token }))).toEqual([]);
    });
  });

  describe('the Origin check of the WebSocket', () => {
    const upgrade = (origin?: string) => ({
      protocols: ['v12.stomp', `bearer.${ann.token}`],
      headers: origin === undefined ? {} : { origin },
    });

    it.each([EVIL, 'null', 'http://127.0.0.1:1'])(
      'an upgrade from another origin is refused, whatever token it has: %s',
      async (origin) => {
        const refusal = await refusalOf(maru.chatUrl, upgrade(origin));
        expect(refusal.status).toBe(403);
        expect(Object.keys(refusal.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      },
    );

    it('the log says which origin was refused', async () => {
      await refusalOf(maru.chatUrl, upgrade('http://who-was-this.example'));
      await expect.poll(() => maru.output).toContain('http://who-was-this.example');
    });

    it('the page, the gateway itself and whoever is no browser get in', async () => {
      for (const origin of [maru.pageUrl, maru.url, undefined]) {
        const raw = await RawStomp.open(maru.chatUrl, upgrade(origin));
        expect(raw.answered['sec-websocket-protocol']).toBe('v12.stomp');
        const names = Object.keys(raw.answered);
        expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
        expect(names).not.toContain('sec-websocket-extensions');
        raw.drop();
      }
    });
  });

  describe('what is public', () => {
    it('the description of the API names every call', async () => {
      const { openapi, paths } = await call<{ openapi: string; paths: Record<string, object> }>(
        maru,
        null,
        'GET /api/openapi.json',
      );
      expect(openapi).toMatch(/^3\.1/);
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining(['/api/rooms', '/api/rooms/{roomId}/messages', '/api/rooms/{roomId}/members']),
      );
    });

    it('the page to browse it loads nothing from elsewhere', async () => {
      const answer = await ask(maru, 'GET /api/docs/');
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
      expect(answer.text).not.toMatch(/(src|href)="(https?:)?\/\//);
      const script = /<script[^>]* src="([^"]+)"/.exec(answer.text)?.[1] ?? '';
      const loaded = await fetch(new URL(script, `${maru.url}/api/docs/`));
      expect(loaded.status).toBe(200);
      await loaded.body?.cancel();
    });

    it('the gateway says that it is well', async () => {
      expect(await ask(maru, 'GET /healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    });

    it('the page is served with a policy that lets it reach the gateway alone', async () => {
      const answer = await ask({ url: maru.pageUrl }, 'GET /');
      expect(answer.status).toBe(200);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain(`connect-src 'self' ${maru.url} ws:`);
      expect(policy).not.toContain('unsafe');
    });
  });
});

function withoutId(text: string): unknown {
  return { ...(JSON.parse(text) as object), requestId: undefined };
}
