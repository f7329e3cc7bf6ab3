// The REST calls that tests of the API make again and again.
import type { ChatMessage, HttpError, MessagePage, Room } from '@maru/contract';
import type { Answer, Chat } from '../session/chat-fixture.ts';

/** Status and code of a refusal. */
export const refused = ({ status, body }: Answer): [number, string] => [status, (body as HttpError).code];

export const KEY = (key: string) => ({ 'idempotency-key': key });

export class Rest {
  readonly #chat: Chat;

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  readonly call = (...args: Parameters<Chat['call']>): Promise<Answer> => this.#chat.call(...args);

  /** Known here is whoever made a call once. */
  async meet(...users: readonly string[]): Promise<void> {
    for (const user of users) await this.call(user, 'GET', '/api/me');
  }

  readonly createRoom = async (user: string, visibility = 'public', name = 'Room'): Promise<Room> =>
    (await this.call(user, 'POST', '/api/rooms', { name, visibility })).body as Room;

  /** A private room of the first, to which the first has added the others. */
  readonly hiddenRoom = async (owner: string, ...members: readonly string[]): Promise<Room> => {
    const room = await this.createRoom(owner, 'private', 'Hidden');
    for (const userId of members) {
      await this.call(owner, 'POST', `/api/rooms/${room.roomId}/members`, { userId });
    }
    return room;
  };

  readonly say = (user: string, roomId: string, content: string, more: object = {}): Promise<Answer> =>
    this.call(user, 'POST', `/api/rooms/${roomId}/messages`, { content, ...more });

  /** A message that is there. @returns its id */
  readonly said = async (user: string, roomId: string, content: string): Promise<string> =>
    ((await this.say(user, roomId, content)).body as ChatMessage).messageId;

  /** The newest messages of a room as a member sees them. */
  readonly history = async (user: string, roomId: string): Promise<readonly ChatMessage[]> =>
    ((await this.call(user, 'GET', `/api/rooms/${roomId}/messages`)).body as MessagePage).messages;

  readonly room = async (user: string, roomId: string): Promise<Room> =>
    (await this.call(user, 'GET', `/api/rooms/${roomId}`)).body as Room;

  /** Types of the entries of a room's log, in its order. */
  readonly logTypes = async (roomId: string): Promise<readonly string[]> =>
    (await this.#chat.store.listEntries(roomId, 0, 1_000)).map(({ entry }) => entry.type);
}

export const reactionPath = (roomId: string, messageId: string, emoji: string): string =>
  `/api/rooms/${roomId}/messages/${messageId}/reactions/${encodeURIComponent(emoji)}`;
