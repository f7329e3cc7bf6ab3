// The changes of one room as its watchers' lists show them: the first at once, then at most one an interval.
import type { Room, RoomEntry, RoomListEvent } from '@maru/contract';
import { RoomFace } from './room-face.ts';
import { RoomReading } from './room-reading.ts';

type RoomUpdate = Extract<RoomListEvent, { type: 'room.updated' }>;

/** A person whose list has the room. */
type Watcher = {
  readonly reading: RoomReading;
  /** Of their membership, not told yet; the last one counts. */
  change: 'none' | 'joined' | 'left';
  isBeingRead: boolean;
};

export type RoomPulseOptions = {
  readonly roomId: string;
  readonly intervalMs: number;
  readonly tell: (userId: string, event: RoomListEvent) => void;
  /** The room as a member sees it; `null` for who isn't one, or if it can't be read. Never rejects. */
  readonly read: (userId: string) => Promise<Room | null>;
  /** Told of leaving: not a watcher any more. */
  readonly onLeft: (userId: string) => void;
};

/**
 * States: *quiet* → *beating* (something was told; the timer runs, changes gather) → *quiet* when an interval brought
 * nothing. Who is told hears the room as it is then, however much happened. What was heard says nearly always how that is;
 * else the store is asked, once at a time for each watcher.
 */
export class RoomPulse {
  readonly #options: RoomPulseOptions;
  readonly #face = new RoomFace();
  readonly #watchers = new Map<string, Watcher>();
  /** Two people: each has the other's name for the room. */
  #isDirect = false;
  #isChanged = false;
  /** Who is to be told though the room hasn't changed. */
  #changed = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RoomPulseOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watchers.size;
  }

  watch(userId: string): void {
    if (this.#watchers.has(userId)) return;
    const reading = new RoomReading(this.#face.head);
    this.#watchers.set(userId, { reading, change: 'none', isBeingRead: false });
  }

  unwatch(userId: string): void {
    this.#watchers.delete(userId);
  }

  /** The room as a watcher has it on their list. @returns whether it is as new as what is known. */
  learn(userId: string, room: Room): boolean {
    this.#isDirect = room.directWith !== null;
    this.#face.learn(room);
    return this.#watchers.get(userId)?.reading.learn(room, this.#face) === true;
  }

  hear(entry: RoomEntry): void {
    const face = this.#face;
    if (!face.hear(entry)) for (const { reading } of this.#watchers.values()) reading.forget();
    if (entry.type === 'message.created') {
      const { seq, senderId, senderName, mentions = [] } = entry;
      this.#watchers.get(senderId)?.reading.said(seq, face);
      for (const userId of mentions) {
        if (userId !== senderId) this.#watchers.get(userId)?.reading.mentioned(seq);
      }
      if (this.#isDirect) this.#rename(senderId, senderName);
    } else {
      this.#follow(entry);
    }
    this.#isChanged = true;
    if (this.#timer === null) this.#beat();
  }

  marked(userId: string, readSeq: number): void {
    if (this.#watchers.get(userId)?.reading.marked(readSeq, this.#face) === true) this.#touch(userId);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #follow(entry: RoomEntry): void {
    if (entry.type === 'room.deleted') {
      for (const watcher of this.#watchers.values()) watcher.change = 'left';
    } else if (entry.type === 'member.joined' || entry.type === 'member.left') {
      const watcher = this.#watchers.get(entry.userId);
      if (watcher === undefined) return;
      watcher.change = entry.type === 'member.left' ? 'left' : 'joined';
      if (watcher.change === 'joined') watcher.reading.said(entry.seq, this.#face);
    }
  }

  #rename(userId: string, name: string): void {
    for (const [watcherId, { reading }] of this.#watchers)
      if (watcherId !== userId) reading.directName = name;
  }

  #touch(userId: string): void {
    this.#changed.add(userId);
    if (this.#timer === null) this.#beat();
  }

  readonly #beat = (): void => {
    this.#timer = null;
    const isChanged = this.#isChanged;
    const changed = this.#changed;
    if (!isChanged && changed.size === 0) return this.#face.rest();
    this.#isChanged = false;
    this.#changed = new Set();
    this.#timer = setTimeout(this.#beat, this.#options.intervalMs);
    this.#timer.unref();
    for (const userId of isChanged ? this.#watchers.keys() : changed) this.#tell(userId);
  };

  #tell(userId: string): void {
    const watcher = this.#watchers.get(userId);
    if (watcher === undefined) return;
    const { roomId, tell, onLeft } = this.#options;
    if (watcher.change === 'left') {
      tell(userId, { type: 'room.removed', roomId });
      this.#watchers.delete(userId);
      onLeft(userId);
      return;
    }
    // What is read now may be older than what was heard since, and must not be told after it.
    if (watcher.isBeingRead) {
      this.#changed.add(userId);
      return;
    }
    const event = watcher.change === 'none' ? this.#heardBy(watcher) : null;
    if (event === null) void this.#tellRead(userId, watcher);
    else tell(userId, event);
  }

  /** What was heard doesn't say enough, or the room is new to them. */
  async #tellRead(userId: string, watcher: Watcher): Promise<void> {
    const { roomId, tell, read } = this.#options;
    const { change } = watcher;
    watcher.change = 'none';
    watcher.isBeingRead = true;
    const room = await read(userId);
    watcher.isBeingRead = false;
    // They may have left, and been told so, while the room was read.
    if (this.#watchers.get(userId) !== watcher) return;
    if (room === null) {
      if (watcher.change === 'none') watcher.change = change;
      return;
    }
    const isNew = this.learn(userId, room);
    if (change === 'joined') tell(userId, { type: 'room.added', roomId, room });
    // Else a marker was moved after the room had been read, and they are told of that with the next beat.
    else if (isNew) tell(userId, this.#heardBy(watcher) ?? updateOf(room));
  }

  /** The room as it is by what was heard; `null`: that doesn't say it. */
  #heardBy({ reading }: Watcher): RoomUpdate | null {
    const { roomId } = this.#options;
    const { head, lastMessage } = this.#face;
    const standing = reading.at(this.#face);
    const name = this.#isDirect ? reading.directName : this.#face.name;
    if (standing === null || name === null || lastMessage === undefined) return null;
    return { type: 'room.updated', roomId, name, head, lastMessage, ...standing };
  }
}

function updateOf(room: Room): RoomUpdate {
  const { roomId, name, head, lastMessage, readSeq, unread, unreadMentions } = room;
  return { type: 'room.updated', roomId, name, head, lastMessage, readSeq, unread, unreadMentions };
}
