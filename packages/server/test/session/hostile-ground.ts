// A chat service for tests over raw sockets, which are all gone after each of them.
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { RawSocket } from './raw-socket.ts';

export const TEXT = 1;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export class HostileGround {
  readonly #sockets: RawSocket[] = [];
  #chat: Chat | undefined;
  #roomId = '';

  get chat(): Chat {
    if (this.#chat === undefined) throw new Error('the chat service is made before the first test');
    return this.#chat;
  }

  /** A room of ann's. */
  get roomId(): string {
    return this.#roomId;
  }

  async open(): Promise<void> {
    this.#chat = await openChat();
    this.#roomId = await this.#chat.newRoom('ann');
  }

  keep(socket: RawSocket): RawSocket {
    this.#sockets.push(socket);
    return socket;
  }

  /** Past the 101. */
  async upgrade(...headers: string[]): Promise<RawSocket> {
    const socket = this.keep(RawSocket.upgrade(this.chat.port, headers));
    await socket.head;
    return socket;
  }

  /** Past CONNECTED, as ann. */
  async session(): Promise<RawSocket> {
    return this.keep(await RawSocket.session(this.chat.port, await this.chat.token('ann')));
  }

  async hangUp(): Promise<void> {
    for (const { socket } of this.#sockets.splice(0)) socket.destroy();
    await this.chat.empty();
  }
}

export function useHostileGround(): HostileGround {
  const ground = new HostileGround();
  beforeAll(() => ground.open());
  afterEach(() => ground.hangUp());
  afterAll(() => ground.chat.close());
  return ground;
}

/** The payload of a Close. */
export const closeOf = (code: number, reason: string | Buffer = '') => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.set(Buffer.from(reason), 2);
  return payload;
};
