// The REST calls of the chat service, typed by the contract.
import type {
  CreateRoom,
  Me,
  MemberPage,
  MessagePage,
  Reading,
  Room,
  RoomPage,
  SearchPage,
  UpdateRoom,
  User,
} from '@maru/contract';
import type { TokenSource } from './account.ts';
import { ClientError } from './client-error.ts';
import { type JsonRequest, requestJson } from './request.ts';

type Query = Readonly<Record<string, string | number | undefined>>;

export class RestClient {
  readonly #apiUrl: string;
  readonly #tokens: TokenSource;

  constructor(options: { gatewayUrl: string; tokens: TokenSource }) {
    this.#apiUrl = new URL('/api', options.gatewayUrl).href;
    this.#tokens = options.tokens;
  }

  me(): Promise<Me> {
    return this.#request('/me');
  }

  listRooms(
    scope: 'joined' | 'public',
    page: { cursor?: string | undefined; limit?: number } = {},
  ): Promise<RoomPage> {
    return this.#request(`/rooms${queryString({ scope, ...page })}`);
  }

  createRoom(room: CreateRoom): Promise<Room> {
    return this.#request('/rooms', { method: 'POST', body: room });
  }

  findRoom(roomId: string, signal?: AbortSignal): Promise<Room> {
    return this.#request(roomPath(roomId), signal === undefined ? {} : { signal });
  }

  /** Owners only; not of a direct room. */
  updateRoom(roomId: string, change: UpdateRoom): Promise<Room> {
    return this.#request(roomPath(roomId), { method: 'PATCH', body: change });
  }

  /** For everybody, with all that was said in it. Owners only; not of a direct room. */
  async deleteRoom(roomId: string): Promise<void> {
    await this.#request(roomPath(roomId), { method: 'DELETE' });
  }

  /** The direct room with somebody, made the first time. */
  openDirect(userId: string): Promise<Room> {
    return this.#request('/direct', { method: 'POST', body: { userId } });
  }

  /** People whose name begins with `query`, or has a word that does. */
  async listUsers(query: string, limit?: number): Promise<readonly User[]> {
    const { users } = await this.#request<{ users: User[] }>(`/users${queryString({ query, limit })}`);
    return users;
  }

  /** Messages with this text in them, newest first: of the caller's rooms, or of one of them. */
  search(
    query: { q: string; roomId?: string | undefined; cursor?: string | undefined; limit?: number },
    signal?: AbortSignal,
  ): Promise<SearchPage> {
    return this.#request(`/search${queryString(query)}`, signal === undefined ? {} : { signal });
  }

  /** Moves the caller's read marker: for whoever has no chat connection; see `ChatClient.markRead`. */
  markRead(roomId: string, seq: number): Promise<Reading> {
    return this.#request(`${roomPath(roomId)}/read`, { method: 'PUT', body: { seq } });
  }

  /** Makes the caller a member of a public room. */
  async joinRoom(roomId: string): Promise<void> {
    await this.#request(`${roomPath(roomId)}/members`, { method: 'POST', body: {} });
  }

  /** Adds somebody else; owners only. */
  async addMember(roomId: string, userId: string): Promise<void> {
    await this.#request(`${roomPath(roomId)}/members`, { method: 'POST', body: { userId } });
  }

  /** Ends a membership: one's own, or as an owner anyone's. */
  async removeMember(roomId: string, userId: string): Promise<void> {
    const path = `${roomPath(roomId)}/members/${encodeURIComponent(userId)}`;
    await this.#request(path, { method: 'DELETE' });
  }

  listMembers(
    roomId: string,
    page: { cursor?: string | undefined; limit?: number } = {},
  ): Promise<MemberPage> {
    return this.#request(`${roomPath(roomId)}/members${queryString(page)}`);
  }

  /** Without a bound: the newest page. */
  listMessages(
    roomId: string,
    bounds: { before?: number; after?: number; limit?: number } = {},
    signal?: AbortSignal,
  ): Promise<MessagePage> {
    const path = `${roomPath(roomId)}/messages${queryString(bounds)}`;
    return this.#request(path, signal === undefined ? {} : { signal });
  }

  async #request<T>(path: string, request: JsonRequest = {}): Promise<T> {
    const token = await this.#tokens.accessToken();
    try {
      return await requestJson<T>(this.#apiUrl + path, { ...request, token });
    } catch (error) {
      // A token may end early (keys rotated, clock put right): one more try with a new one, not two.
      if (!(error instanceof ClientError) || error.status !== 401) throw error;
      this.#tokens.dropAccessToken();
      return requestJson<T>(this.#apiUrl + path, { ...request, token: await this.#tokens.accessToken() });
    }
  }
}

function roomPath(roomId: string): string {
  return `/rooms/${encodeURIComponent(roomId)}`;
}

function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}
