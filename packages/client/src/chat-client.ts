// The chat client: rooms followed over a connection that is kept alive, what is written sent until it is done.
import {
  APPLICATION_DESTINATIONS,
  type ApplicationDestination,
  type DeleteMessage,
  type EditMessage,
  MAX_CONTENT_OCTETS,
  type ReactToMessage,
  type RoomListEvent,
  type RoomSignal,
  roomSignalDestination,
  type SendMessage,
  USER_DESTINATIONS,
} from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import type { TokenSource } from './account.ts';
import type { BackoffOptions } from './backoff.ts';
import { ClientError } from './client-error.ts';
import type { ConnectionStatus } from './connection-state.ts';
import { KeptConnection } from './kept-connection.ts';
import { createClientMessageId, Outbox } from './outbox.ts';
import { ReadMarkers } from './read-markers.ts';
import type { RestClient } from './rest-client.ts';
import { type EarlierPage, type RoomHandlers, RoomSubscription } from './room-subscription.ts';
import type { StompConnection } from './stomp-connection.ts';
import { TopicSubscriptions } from './topic-subscriptions.ts';
import { TypingNotices } from './typing-notices.ts';

export type ChatClientOptions = {
  /** `http://` or `https://`; the connection goes to its `/chat`. */
  readonly gatewayUrl: string;
  readonly tokens: TokenSource;
  readonly rest: RestClient;
  readonly backoff?: BackoffOptions;
};

/** A message that is stored. */
export type Sent = { readonly messageId: string; readonly seq: number; readonly clientMessageId: string };

/** What else is done in a room; `seq` is of the entry that says so, `null` where there is none (it was so already). */
export type Done = { readonly seq: number | null };

export type SendOptions = {
  /** To repeat a message that failed, or to know it in the room's log; made here if it is absent. */
  readonly clientMessageId?: string;
  /** The message that this one answers: its id. */
  readonly replyTo?: string;
  /** Ids of the members who are meant. */
  readonly mentions?: readonly string[];
};

/** A room that is followed. */
export type FollowedRoom = {
  /** The messages before all loaded so far. See `RoomMessages.awaitPage`. */
  earlier(limit?: number): Promise<EarlierPage | null>;
  close(): void;
};

export class ChatClient {
  readonly #options: ChatClientOptions;
  readonly #kept: KeptConnection;
  readonly #outbox: Outbox;
  readonly #markers = new ReadMarkers();
  readonly #topics = new TopicSubscriptions();
  readonly #typing = new TypingNotices();
  readonly #rooms = new Set<RoomSubscription>();

  constructor(options: ChatClientOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.backoff);
    this.#kept = new KeptConnection(options, {
      onOpen: (connection) => {
        for (const part of this.#parts()) part.attach(connection);
      },
      onGone: () => {
        for (const part of this.#parts()) part.detach();
      },
      onUnreadable: (error) => this.#outbox.failOldest(error),
      onRefused: () => this.#outbox.failAll(new ClientError('sign-in-needed', 'The session has ended')),
    });
  }

  get status(): ConnectionStatus {
    return this.#kept.status;
  }

  /** @returns a function that removes the listener. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    return this.#kept.onStatus(listener);
  }

  /** Connects and stays connected. While waiting for the next try: tries now. After `refused`: tries again. */
  connect(): void {
    this.#kept.connect();
  }

  /** Gives up the present connection for a new one, for whoever knows better than the heart-beats (the network changed). */
  reconnect(): void {
    this.#kept.reconnect();
  }

  /** Says goodbye and ends for good. Messages without a RECEIPT by then are rejected with `closed`. */
  async close(): Promise<void> {
    if (!(await this.#kept.close())) return;
    for (const part of this.#parts()) part.detach();
    for (const room of this.#rooms) room.close();
    this.#rooms.clear();
    this.#outbox.failAll(new ClientError('closed', 'The chat client was closed'));
  }

  /** Follows a room from now until `close()`, over every reconnect. */
  subscribeRoom(roomId: string, handlers: RoomHandlers): FollowedRoom {
    const room = new RoomSubscription({
      roomId,
      rest: this.#options.rest,
      handlers,
      backoff: this.#options.backoff,
      onOver: (error) => {
        if (error === null) this.#rooms.delete(room);
        else this.#kept.refuse(error.code);
      },
    });
    this.#rooms.add(room);
    const connection = this.#kept.current;
    if (connection !== null) room.attach(connection);
    return {
      earlier: (limit) => room.earlier(limit),
      close: () => {
        this.#rooms.delete(room);
        room.close();
      },
    };
  }

  /**
   * Hears what a room doesn't keep: who types, who has read how far, who is there.
   * @returns a function that ends it.
   */
  onSignal(roomId: string, listener: (signal: RoomSignal) => void): () => void {
    return this.#topics.follow(roomSignalDestination(roomId), {
      onMessage: (body) => listener(body as RoomSignal),
    });
  }

  /**
   * Hears how the list of one's rooms changes.
   * @param onReady from now on every change is heard; the list is to be read after it, also after each reconnect.
   * @returns a function that ends it.
   */
  onRooms(listener: (event: RoomListEvent) => void, onReady?: () => void): () => void {
    return this.#topics.follow(USER_DESTINATIONS.rooms, {
      onMessage: (body) => listener(body as RoomListEvent),
      onReady,
    });
  }

  /** Resolves when the message is stored. Kept and sent again with the same id over reconnects, so it is stored once. */
  async sendMessage(roomId: string, content: string, options: SendOptions = {}): Promise<Sent> {
    requireContent(content);
    const { clientMessageId = createClientMessageId(), replyTo, mentions } = options;
    const body: SendMessage = {
      roomId,
      content,
      clientMessageId,
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(mentions === undefined || mentions.length === 0 ? {} : { mentions: [...mentions] }),
    };
    this.#typing.forget(roomId);
    const receipt = await this.#send('sendMessage', body, clientMessageId);
    return { messageId: receipt['message-id'] ?? '', seq: Number(receipt.seq), clientMessageId };
  }

  /** Gives a message of one's own another content. Like the next two it is sent until it is done; done twice is done once. */
  async editMessage(roomId: string, messageId: string, content: string): Promise<Done> {
    requireContent(content);
    const body: EditMessage = { roomId, messageId, content };
    return doneOf(await this.#send('editMessage', body));
  }

  /** Of one's own; an owner of the room deletes anyone's. */
  async deleteMessage(roomId: string, messageId: string): Promise<Done> {
    const body: DeleteMessage = { roomId, messageId };
    return doneOf(await this.#send('deleteMessage', body));
  }

  /** Adds one's reaction to a message, or takes it away. */
  async react(
    roomId: string,
    messageId: string,
    emoji: string,
    options: { readonly remove?: boolean } = {},
  ): Promise<Done> {
    const { remove = false } = options;
    const body: ReactToMessage = { roomId, messageId, emoji, ...(remove ? { remove } : {}) };
    return doneOf(await this.#send('reactToMessage', body));
  }

  /** To be called for every letter; it is said once in `TYPING_EVERY_MS`, and only over a connection that is there. */
  typing(roomId: string): void {
    const connection = this.#kept.current;
    if (connection === null || !this.#typing.isDue(roomId)) return;
    connection.send(APPLICATION_DESTINATIONS.typing, { roomId }, null);
  }

  /** All up to this seq has been read. It never goes back. */
  markRead(roomId: string, seq: number): void {
    this.#markers.mark(roomId, seq);
  }

  /** Rejects with `closed`, `sign-in-needed`, `outbox-full`, or with what the server refuses it for. */
  async #send(
    what: keyof typeof APPLICATION_DESTINATIONS,
    body: unknown,
    key: string = createClientMessageId(),
  ): Promise<StompHeaders> {
    const { state } = this.status;
    if (state === 'closed') throw new ClientError('closed', 'The chat client was closed');
    if (state === 'refused') throw new ClientError('sign-in-needed', 'The session has ended');
    const destination: ApplicationDestination = APPLICATION_DESTINATIONS[what];
    return this.#outbox.add({ key, destination, body });
  }

  /** All that goes on over whatever connection there is, in the order in which a new one is theirs. */
  #parts(): readonly { attach(connection: StompConnection): void; detach(): void }[] {
    return [...this.#rooms, this.#topics, this.#markers, this.#outbox];
  }
}

function requireContent(content: string): void {
  if (content.trim() === '') throw new ClientError('content-empty', 'A message needs a text');
  if (new TextEncoder().encode(content).length > MAX_CONTENT_OCTETS) {
    throw new ClientError('content-too-long', `A message has at most ${MAX_CONTENT_OCTETS} octets`);
  }
}

function doneOf({ seq }: StompHeaders): Done {
  return { seq: seq === undefined ? null : Number(seq) };
}
