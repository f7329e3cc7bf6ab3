// The store: the truth about people, rooms, members and each room's log. An interface; SQLite or PostgreSQL behind it.
import type {
  ChatMessage,
  Member,
  MessageCreated,
  Reading,
  Role,
  Room,
  RoomEntry,
  Visibility,
} from '@maru/contract';

/** A person as a room's log names them. `userId` is already issuer-scoped (see identity/principal.ts). */
export type Person = { readonly userId: string; readonly name: string };

export type NewMessage = {
  readonly roomId: string;
  readonly sender: Person;
  readonly content: string;
  readonly clientMessageId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** User ids. */
  readonly mentions?: readonly string[] | undefined;
};

/** What is done about an earlier message. */
type AboutMessage = { readonly roomId: string; readonly sender: Person; readonly messageId: string };

/** What a member adds to a room's log. */
export type NewEntry =
  | (NewMessage & { readonly kind: 'message' })
  | (AboutMessage & { readonly kind: 'edit'; readonly content: string })
  | (AboutMessage & { readonly kind: 'delete' })
  | (AboutMessage & { readonly kind: 'react'; readonly emoji: string; readonly remove: boolean });

export type NewRoom = { readonly name: string; readonly visibility: Visibility; readonly owner: Person };

/**
 * An entry that is durable. `epoch` is the room's log-epoch, `entry.seq` its place in the log, `createdCount` how many
 * messages were created in the room up to and with it.
 */
export type Committed = { readonly epoch: string; readonly entry: RoomEntry; readonly createdCount: number };

/**
 * What one append came to. `duplicate`: it is so already, nothing was written and nothing is to be broadcast; `entry` is
 * then the one that made it so, `null` where none did (a reaction taken away that wasn't there).
 */
export type Appended<Entry extends RoomEntry | null = RoomEntry | null> = {
  readonly epoch: string;
  readonly entry: Entry;
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
  /** seq of the `member.joined` of this membership; 0: not a member. */
  readonly joinedSeq: number;
};

export type RoomHead = { readonly roomId: string; readonly head: number; readonly epoch: string };

export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

/**
 * Guarantees, of every implementation:
 * - A promise of a write resolves only when the write is durable: it survives kill -9 and, as far as the disk tells the
 *   truth, a power cut.
 * - The log of a room is gapless: seq is 1, 2, 3 … in commit order. No failure, crash or refusal leaves a hole.
 * - Appends to one room are committed in the order of the calls; `onCommitted` reports entries in commit order, each
 *   once, before the promise of its write resolves.
 * - Membership is checked inside the write's own transaction.
 * - The content of a deleted message is in no page, no search and no file of the database any more: in the answers at once,
 *   on the disk some seconds later (SQLite: the files hold it no more; PostgreSQL: as its VACUUM gets to it).
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

  /**
   * Errors: `room-not-found`, `not-a-member`; `invalid-body` if `replyTo` names no message of the room or `mentions` names
   * somebody who isn't a member; `overloaded` when the append queue is full, `storage-unavailable` when the disk is (nothing
   * was written then). The sender has then read the room up to it.
   */
  appendMessage(message: NewMessage): Promise<Appended<MessageCreated>>;

  /**
   * Appends entries, to whatever rooms and of whatever senders, in one commit and in this order; nothing is committed
   * between them. If any one is refused none is written. What is so already (a clientMessageId that is in the log or twice
   * in this call, an edit to the content it has, a deletion of what is deleted, a reaction that is there) is a duplicate and
   * doesn't stop the others. Beside those of `appendMessage`: `message-not-found` (also for one that is deleted, but by a
   * deletion), `access-denied` for an edit of another's message, or a deletion by who is neither its sender nor an owner;
   * `too-many-reactions` for one more emoji on a message than 50.
   * @returns what each came to, in order. `overloaded` too when the queue has no room for so many at once.
   */
  append(entries: readonly NewEntry[]): Promise<readonly Appended[]>;

  /**
   * Makes a person a member; already one, in whatever role: nothing happens. Into a room without any owner they come as
   * its owner, and their entry says so.
   * @returns whether an entry was written. Errors: `room-not-found`, `access-denied` of a direct room.
   */
  join(roomId: string, person: Person, role: Role): Promise<boolean>;

  /**
   * Ends a membership; not a member: nothing happens. When the room's `ownerId` leaves, the other owner who joined first
   * takes that place, else the member who joined first and becomes owner by it.
   * @returns whether an entry was written. Errors: `room-not-found`, `access-denied` of a direct room.
   */
  leave(roomId: string, userId: string): Promise<boolean>;

  /** Renames a room, `room.updated`; to the name it has: nothing happens. Errors: `room-not-found`, `not-a-member`, `access-denied` for who isn't an owner and of a direct room. */
  updateRoom(roomId: string, actor: Person, change: { readonly name: string }): Promise<Room>;

  /**
   * `room.deleted` is its last entry; from then on no method knows the room but `listEntries`, for those who still read
   * its log; a while later all of it is gone from the disk. Errors: as `updateRoom`.
   */
  deleteRoom(roomId: string, actor: Person): Promise<void>;

  /** The direct room of two people, made the first time. Its members are these two for ever. */
  openDirect(caller: Person, other: Person): Promise<{ readonly room: Room; readonly created: boolean }>;

  /**
   * Moves a person's read marker; never back, nor past the head.
   * @returns where they stand then, and whether it moved. Errors: `room-not-found`, `not-a-member`.
   */
  markRead(roomId: string, userId: string, seq: number): Promise<Reading & { readonly moved: boolean }>;

  /** `null`: no such room. */
  findStanding(roomId: string, userId: string): Promise<Standing | null>;
  /** The room as `userId` sees it, whether they may is the caller's to decide. `null`: no such room. */
  findRoom(roomId: string, userId: string): Promise<Room | null>;
  findUser(userId: string): Promise<Person | null>;
  /** People whose name begins with `query`, or has a word that does, whatever the case; by name. */
  findUsers(query: string, limit: number): Promise<readonly Person[]>;
  /** `null`: no such room, or not a member. */
  findReading(roomId: string, userId: string): Promise<Reading | null>;
  /** One message in its current state, as `viewerId` sees it. `null`: the room has none of this id. */
  findMessage(roomId: string, messageId: string, viewerId: string): Promise<ChatMessage | null>;

  /** `joined`: rooms of the person. `public`: all public rooms. Newest room first; stable under inserts. */
  listRooms(
    scope: 'joined' | 'public',
    userId: string,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<Room>>;
  /** In the order of joining. */
  listMembers(roomId: string, cursor: string | undefined, limit: number): Promise<Page<Member>>;
  /**
   * Messages of a room in their current state, ascending by seq: the newest `limit`, or those right before / right after a
   * seq. `head`: of the log in the same snapshot, so whoever follows the log knows which entries are in that state.
   */
  listMessages(
    roomId: string,
    viewerId: string,
    bounds: { readonly before?: number | undefined; readonly after?: number | undefined },
    limit: number,
  ): Promise<{
    readonly messages: readonly ChatMessage[];
    readonly hasMore: boolean;
    readonly head?: number | undefined;
  }>;
  /**
   * Messages whose current content has `text` in it, whatever the case, of the rooms the person is a member of (or of that
   * one); newest first. A message is found from the moment it is committed, and never after it was deleted.
   */
  search(
    viewerId: string,
    query: { readonly text: string; readonly roomId?: string | undefined },
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<ChatMessage>>;
  /** The seq of the last entry of each of these rooms that there are, deleted ones too until they are purged. */
  listHeads(roomIds: readonly string[]): Promise<readonly RoomHead[]>;
  /** Every entry with seq > `after`, ascending, at most `limit`: what a cursor on the log reads. */
  listEntries(roomId: string, after: number, limit: number): Promise<readonly Committed[]>;

  /** Resolves when the database answers and, as far as is known, takes writes; rejects with an Error that says in plain words what is wrong. */
  check(): Promise<void>;

  /** Writes waiting now, each entry of an `append` counted: for the metric and the limit. */
  readonly pending: number;

  /** Refuses new writes, commits what waits, closes the database. */
  close(): Promise<void>;
}
