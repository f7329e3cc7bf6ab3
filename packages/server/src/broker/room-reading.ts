// How far one watcher of a list of rooms has read one room: kept up by what is heard, read anew where that doesn't say it.
import type { Reading, Room } from '@maru/contract';
import type { RoomFace } from './room-face.ts';

/** As many as the store counts. */
const MENTIONS = 100;

/**
 * States: *unknown* (the store has to be asked) → *known* → *unknown* after what doesn't tell enough: a marker that was
 * moved to somewhere before the head, a hole in what was heard, a deletion that may have taken a mention with it.
 */
export class RoomReading {
  /** The name of a direct room as this watcher sees it; `null` of any other room. */
  directName: string | null = null;
  #readSeq = 0;
  /** Messages up to the marker, as the face counts them; `null`: unknown. */
  #readCount: number | null = null;
  #unreadMentions = 0;
  /** Up to this entry mentions were counted at once, those after it one by one. */
  #countedAt = 0;
  /** The newest entry that changed it, or may have: what was read before that is too old. */
  #touchedAt: number;

  /** @param heard seq of the newest entry that was heard before it was there to be changed by it */
  constructor(heard: number) {
    this.#touchedAt = heard;
  }

  /** `null`: unknown. */
  at(face: RoomFace): Reading | null {
    const mayHaveLost = this.#unreadMentions > 0 && face.deletedAt > this.#countedAt;
    if (this.#readCount === null || mayHaveLost || !face.isCurrent) return null;
    return {
      readSeq: this.#readSeq,
      unread: face.created - this.#readCount,
      unreadMentions: this.#unreadMentions,
    };
  }

  forget(): void {
    this.#readCount = null;
  }

  /** An entry of the watcher's own moves the marker to it: a message, or a joining. */
  said(seq: number, face: RoomFace): void {
    if (seq <= this.#readSeq) return;
    this.#touchedAt = seq;
    this.#readAll(seq, face);
  }

  mentioned(seq: number): void {
    if (seq <= this.#countedAt) return;
    this.#touchedAt = seq;
    this.#unreadMentions = Math.min(this.#unreadMentions + 1, MENTIONS);
  }

  /** The marker was moved. @returns whether that is news: it never goes back, whatever the order in which one hears of it. */
  marked(readSeq: number, face: RoomFace): boolean {
    if (readSeq <= this.#readSeq) return false;
    if (readSeq === face.head && face.isCurrent) {
      this.#readAll(readSeq, face);
    } else {
      this.#readSeq = readSeq;
      this.#readCount = null;
    }
    return true;
  }

  /** The room as it was read for this watcher. @returns whether that is as new as what is known of the marker. */
  learn(room: Room, face: RoomFace): boolean {
    if (room.directWith !== null) this.directName = room.name;
    if (room.readSeq < this.#readSeq) return false;
    const created = room.head < this.#touchedAt ? undefined : face.createdAt(room.head);
    if (created === undefined) {
      // Ahead of what was heard, or too old to be counted from: its marker holds, how much is unread has to be asked.
      if (room.readSeq > this.#readSeq) {
        this.#readSeq = room.readSeq;
        this.#readCount = null;
      }
      return true;
    }
    this.#readSeq = room.readSeq;
    this.#readCount = created - room.unread;
    this.#unreadMentions = room.unreadMentions;
    this.#countedAt = room.head;
    return true;
  }

  #readAll(seq: number, face: RoomFace): void {
    this.#readSeq = seq;
    this.#readCount = face.createdAt(seq) ?? null;
    this.#unreadMentions = 0;
    this.#countedAt = seq;
  }
}
