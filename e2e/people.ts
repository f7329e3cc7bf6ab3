// People and their rooms, made over HTTP as any client makes them.
import type { MessageCreated, MessagePage, Room } from '@maru/contract';
import { expect } from 'vitest';

/** Whatever has a gateway. */
export type Gateway = { readonly url: string };

export type Person = {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly userId: string;
  /** What signing up gave: good for fetching access tokens. */
  readonly session: string;
  /** The access token. */
  readonly token: string;
};

let peopleMade = 0;

export async function signUp(gateway: Gateway, name: string): Promise<Person> {
  peopleMade += 1;
  const email = `person-${process.pid}-${peopleMade}@example.com`;
  const password = `correct horse ${peopleMade} battery staple`;
  const { token: session, user } = await call<{ token: string; user: { id: string } }>(
    gateway,
    null,
    'POST /auth/sign-up/email',
    { name, email, password },
  );
  const token = await accessToken(gateway, session);
  // The chat service knows a person from the first token it sees; only then can others add them to a room.
  await call(gateway, { token }, 'GET /api/me');
  return { name, email, password, userId: user.id, session, token };
}

export async function accessToken(gateway: Gateway, session: string): Promise<string> {
  const { token } = await call<{ token: string }>(gateway, { token: session }, 'GET /auth/token');
  return token;
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** @param line method and path, as in `GET /api/rooms`. */
export async function ask(
  gateway: Gateway,
  line: string,
  options: { token?: string; headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  const [method = 'GET', path = '/'] = line.split(' ');
  const { token, headers = {}, body } = options;
  const response = await fetch(gateway.url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The JSON of an answer that must be a good one. */
export async function call<T>(
  gateway: Gateway,
  caller: { readonly token: string } | null,
  line: string,
  body?: unknown,
): Promise<T> {
  const answer = await ask(gateway, line, {
    ...(caller === null ? {} : { token: caller.token }),
    ...(body === undefined ? {} : { body }),
  });
  expect(answer.status, `${line} → ${answer.text}`).toBeLessThan(300);
  return (answer.text === '' ? null : JSON.parse(answer.text)) as T;
}

/** A room of `owner` that `members` have joined, or were added to if it is private. */
export async function createRoom(
  gateway: Gateway,
  owner: Person,
  members: readonly Person[] = [],
  visibility: 'public' | 'private' = 'public',
): Promise<string> {
  const { roomId } = await call<Room>(gateway, owner, 'POST /api/rooms', {
    name: `Room of ${owner.name}`,
    visibility,
  });
  for (const { userId } of members) {
    await call<Room>(gateway, owner, `POST /api/rooms/${roomId}/members`, { userId });
  }
  return roomId;
}

export function postMessage(
  gateway: Gateway,
  sender: Person,
  roomId: string,
  content: string,
): Promise<MessageCreated> {
  return call(gateway, sender, `POST /api/rooms/${roomId}/messages`, { content });
}

export function history(
  gateway: Gateway,
  reader: Pick<Person, 'token'>,
  roomId: string,
  query = '',
): Promise<MessagePage> {
  return call(gateway, reader, `GET /api/rooms/${roomId}/messages${query}`);
}

/** Every message of a room, page by page from its beginning. */
export async function wholeHistory(
  gateway: Gateway,
  reader: Pick<Person, 'token'>,
  roomId: string,
): Promise<MessageCreated[]> {
  const messages: MessageCreated[] = [];
  for (;;) {
    const after = messages.at(-1)?.seq ?? 0;
    const page = await history(gateway, reader, roomId, `?after=${after}&limit=200`);
    messages.push(...page.messages);
    if (!page.hasMore) return messages;
  }
}
