// The messages of several rooms as one list, newest first: what a search reads where the index is of no use.
import type { DatabaseSync } from 'node:sqlite';
import { CURRENT_CONTENT } from './search-text.ts';

/** A room that is searched. */
export type SearchedRoom = {
  readonly room_key: number;
  readonly room_id: string;
  readonly head: number;
  readonly last_entry_at: number;
  /** Messages up to this seq are in the index. */
  readonly position: number;
};

/** Where a message is in the order of a search. Within a room that is the order of its log: its times never go back. */
export type Place = { readonly at: number; readonly roomKey: number; readonly seq: number };

export type TextAtPlace = Place & { readonly room: SearchedRoom; readonly content: string | null };

/** Above 0: `a` is the newer one. */
export function comparePlaces(a: Place, b: Place): number {
  return a.at - b.at || a.roomKey - b.roomKey || a.seq - b.seq;
}

export interface NewestFirst {
  /** The next message, also one that is deleted; `undefined` after the last one. */
  next(): TextAtPlace | undefined;
  /** The messages of this room with a seq below this one haven't been read yet. */
  boundOf(room: SearchedRoom): number;
}

/** One room's part of the list. `place` is that of its next message, or, while that is not known, one that is no older. */
type Part = {
  readonly room: SearchedRoom;
  place: Place;
  /** See `boundOf`; found when it is asked for. */
  bound: number | undefined;
  /** Read and not yet given, the next one last. */
  readonly chunk: TextAtPlace[];
  chunkSize: number;
};

/** Of many rooms each is asked for a few messages, of few rooms for many. */
const MESSAGES_OF_FIRST_CHUNKS = 2_048;
const SMALLEST_CHUNK = 4;
const LARGEST_CHUNK = 256;

export function createNewestFirst(db: DatabaseSync) {
  const listBefore = db.prepare(NEWEST_SQL.listBefore);
  const findTime = db.prepare(NEWEST_SQL.findTime);

  /** The seq from which on a room's entries are not older than the place. Near the head, where pages begin, it is soon found. */
  function boundAt(room: SearchedRoom, place: Place): number {
    const { room_key: roomKey, head } = room;
    if (roomKey === place.roomKey) return Math.min(place.seq, head + 1);
    const isOlder = (seq: number, at: number) => comparePlaces({ at, roomKey, seq }, place) < 0;
    if (isOlder(head, room.last_entry_at)) return head + 1;
    const isOlderAt = (seq: number) => isOlder(seq, Number(findTime.get(roomKey, seq)?.created_at));
    let notOlder = head;
    let older = head;
    for (let step = 1; ; step *= 2) {
      older = head - step;
      if (older < 1 || isOlderAt(older)) break;
      notOlder = older;
    }
    older = Math.max(older, 0);
    while (notOlder - older > 1) {
      const middle = Math.floor((notOlder + older) / 2);
      if (isOlderAt(middle)) older = middle;
      else notOlder = middle;
    }
    return notOlder;
  }

  /** `before`: only what is older than this place. */
  return (rooms: readonly SearchedRoom[], before: Place | undefined): NewestFirst => {
    const share = Math.ceil(MESSAGES_OF_FIRST_CHUNKS / rooms.length);
    const chunkSize = Math.min(Math.max(share, SMALLEST_CHUNK), LARGEST_CHUNK);
    const parts = new Map<SearchedRoom, Part>();
    /** The part with the newest place last. */
    const queue: Part[] = [];
    for (const room of rooms) {
      const place = { at: room.last_entry_at, roomKey: room.room_key, seq: room.head };
      const part: Part = { room, place, bound: undefined, chunk: [], chunkSize };
      parts.set(room, part);
      queue.push(part);
    }
    queue.sort((a, b) => comparePlaces(a.place, b.place));

    function boundOf(part: Part): number {
      part.bound ??= before === undefined ? part.room.head + 1 : boundAt(part.room, before);
      return part.bound;
    }

    /** @returns whether there was another message. */
    function fill(part: Part): boolean {
      const { room, chunk } = part;
      const rows = listBefore.all(room.room_key, boundOf(part), part.chunkSize) as TextRow[];
      for (const { seq, created_at, content } of rows.reverse()) {
        chunk.push({ at: created_at, roomKey: room.room_key, seq, room, content });
      }
      part.chunkSize = Math.min(part.chunkSize * 4, LARGEST_CHUNK);
      part.place = chunk.at(-1) ?? part.place;
      return rows.length > 0;
    }

    function insert(part: Part): void {
      let low = 0;
      let high = queue.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        const other = queue[middle];
        if (other !== undefined && comparePlaces(other.place, part.place) < 0) low = middle + 1;
        else high = middle;
      }
      queue.splice(low, 0, part);
    }

    return {
      next() {
        for (let part = queue.pop(); part !== undefined; part = queue.pop()) {
          const message = part.chunk.pop();
          if (message !== undefined) {
            part.bound = message.seq;
            part.place = part.chunk.at(-1) ?? message;
            insert(part);
            return message;
          }
          if (fill(part)) insert(part);
          else part.bound = 0;
        }
        return undefined;
      },

      boundOf(room) {
        const part = parts.get(room);
        return part === undefined ? 0 : boundOf(part);
      },
    };
  };
}

type TextRow = { readonly seq: number; readonly created_at: number; readonly content: string | null };

const NEWEST_SQL = {
  listBefore: `SELECT m.seq, m.created_at, ${CURRENT_CONTENT} AS content FROM entries m INDEXED BY entries_messages
    WHERE m.room_key = ? AND m.seq < ? AND m.type = 'message.created' ORDER BY m.seq DESC LIMIT ?`,
  findTime: 'SELECT created_at FROM entries WHERE room_key = ? AND seq = ?',
} as const;
