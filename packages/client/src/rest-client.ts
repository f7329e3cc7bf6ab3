// The REST calls of the chat service, typed by the contract.
import type { CreateRoom, Me, MemberPage, MessagePage, Room, RoomPage } from '@maru/contract';
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

  findRoom(roomId: string): Promise<Room> {
    return this.#request(`/rooms/${encodeURIComponent(roomId)}`);
  }

  /** Makes the caller a member of a public room. */
  async joinRoom(roomId: string): Promise<void> {
    await this.#request(`/rooms/${encodeURIComponent(roomId)}/members`, { method: 'POST', body: {} });
  }

  /** Adds somebody else; owners only. */
  async addMember(roomId: string, userId: string): Promise<void> {
    await this.#request(`/rooms/${encodeURIComponent(roomId)}/members`, { method: 'POST', body: { userId } });
  }

  /** Ends a membership: one's own, or as an owner anyone's. */
  async removeMember(roomId: string, userId: string): Promise<void> {
    const path = `/rooms/${encodeURIComponent(roomId)}/members/${encodeURIComponent(userId)}`;
    await this.#request(path, { method: 'DELETE' });
  }

  listMembers(
    roomId: string,
    page: { cursor?: string | undefined; limit?: number } = {},
  ): Promise<MemberPage> {
    return this.#request(`/rooms/${encodeURIComponent(roomId)}/members${queryString(page)}`);
  }

  /** Without a bound: the newest page. */
  listMessages(
    roomId: string,
    bounds: { before?: number; after?: number; limit?: number } = {},
    signal?: AbortSignal,
  ): Promise<MessagePage> {
    const path = `/rooms/${encodeURIComponent(roomId)}/messages${queryString(bounds)}`;
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

function queryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}
