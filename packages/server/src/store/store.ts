// The store: the truth about people, rooms, members and each room's log. An interface; SQLite behind it.
import type { Member, MessageCreated, Role, Room, RoomEntry, Visibility } from '@maru/contract';

/** A person as a room's log names them. `userId` is already issuer-scoped (see identity/principal.ts). */
export type Person = { readonly userId: string; readonly name: string };

export type NewMessage = {
  readonly roomId: string;
  readonly sender: Person;
  readonly content: string;
  readonly clientMessageId?: string | undefined;
  readonly replyTo?: string | undefined;
};

export type NewRoom = { readonly name: string; readonly visibility: Visibility; readonly owner: Person };

/** An entry that is durable. `epoch` is the room's log-epoch, `entry.seq` its place in the log. */
export type Committed = { readonly epoch: string; readonly entry: RoomEntry };

/**
 * What one append came to. `duplicate`: the sender's clientMessageId was in the room's log already; `entry` is then the
 * first one's and nothing was written, nothing is to be broadcast.
 */
export type Appended = {
  readonly epoch: string;
  readonly entry: MessageCreated;
  readonly duplicate: boolean;
};

/** Where a person stands in a room, read in one snapshot. */
export type Standing = {
  readonly roomId: string;
  readonly visibility: Visibility;
  readonly epoch: string;
  /** seq of the last entry; 0 is impossible, a room begins with its owner's `member.joined`. */
  readonly head: number;
  /** `null`: not a member. */
  readonly role: Role | null;
};

export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

/**
 * Guarantees, of every implementation:
 * - A promise of a write resolves only when the write is durable: it survives kill -9 and, as far as the disk tells the
 *   truth, a power cut.
 * - The log of a room is gapless: seq is 1, 2, 3 … in commit order. No failure, crash or refusal leaves a hole.
 * - Appends to one room are committed in the order of the calls; `onCommitted` reports entries in commit order, each
 *   once, before the promise of its write resolves.
 * - Membership is checked inside the write's own transaction.
 * - A room with members has at least one owner, and its `ownerId` is one of them. Who becomes it does so in the
 *   transaction of the join or leave that made it necessary; the log has no entry of its own for that.
 * - Reads never wait for writes.
 * - Every method rejects with a MaruError; `internal` with the cause when the database itself fails.
 */
export interface Store {
  /** Called once per commit with all its new entries, in order. One listener; set before the first write. */
  onCommitted(listener: (entries: readonly Committed[]) => void): void;

  /** Enters a person or renames them. Idempotent. */
  enterUser(person: Person & { readonly issuer: string; readonly subject: string }): Promise<void>;

  /** Creates a room; its log begins with the owner's `member.joined` at seq 1. */
  createRoom(room: NewRoom): Promise<Room>;

  /** `room-not-found`, `not-a-member`; `overloaded` when the append queue is full (nothing was written then). */
  appendMessage(message: NewMessage): Promise<Appended>;

  /**
   * Appends messages, of whatever rooms and senders, in one commit and in this order; nothing is committed between them.
   * If any one is refused, with what `appendMessage` would refuse it with, none is written. A clientMessageId that is in
   * the log already, or twice in this call, gives the first one's entry and doesn't stop the others.
   * @returns what each came to, in order. `overloaded` too when the queue has no room for so many at once.
   */
  appendMessages(messages: readonly NewMessage[]): Promise<readonly Appended[]>;

  /**
   * Makes a person a member; already one, in whatever role: nothing happens. Into a room without any owner they come as
   * its owner, and their entry says so.
   * @returns whether an entry was written. Errors: `room-not-found`.
   */
  join(roomId: string, person: Person, role: Role): Promise<boolean>;

  /**
   * Ends a membership; not a member: nothing happens. When the room's `ownerId` leaves, the other owner who joined first
   * takes that place, else the member who joined first and becomes owner by it.
   * @returns whether an entry was written. Errors: `room-not-found`.
   */
  leave(roomId: string, userId: string): Promise<boolean>;

  /** `null`: no such room. */
  findStanding(roomId: string, userId: string): Promise<Standing | null>;
  /** The room as `userId` sees it, whether they may is the caller's to decide. `null`: no such room. */
  findRoom(roomId: string, userId: string): Promise<Room | null>;
  findUser(userId: string): Promise<Person | null>;

  /** `joined`: rooms of the person. `public`: all public rooms. Newest room first; stable under inserts. */
  listRooms(
    scope: 'joined' | 'public',
    userId: string,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<Room>>;
  /** In the order of joining. */
  listMembers(roomId: string, cursor: string | undefined, limit: number): Promise<Page<Member>>;
  /** Messages of a room, ascending by seq: the newest `limit`, or those right before / right after a seq. */
  listMessages(
    roomId: string,
    bounds: { readonly before?: number | undefined; readonly after?: number | undefined },
    limit: number,
  ): Promise<{ readonly messages: readonly MessageCreated[]; readonly hasMore: boolean }>;
  /** Every entry with seq > `after`, ascending, at most `limit`: what a cursor on the log reads. */
  listEntries(roomId: string, after: number, limit: number): Promise<readonly Committed[]>;

  /** Writes waiting now, each message of an `appendMessages` counted: for the metric and the limit. */
  readonly pending: number;

  /** Refuses new writes, commits what waits, closes the database. */
  close(): Promise<void>;
}
