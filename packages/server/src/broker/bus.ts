// The bus between chat services: it wakes the others. What it loses is found in the log.
import type { RoomSignal } from '@maru/contract';
import type { Committed } from '../store/store.ts';

/**
 * What a service says of who listens to a room's signals there. `people` is all of them, so nothing builds on what was lost;
 * `version` says that nothing changed since; `ask` wants the people said again, by one service or (`of` null) by all.
 */
export type PresenceWord =
  | { readonly say: 'people'; readonly node: string; readonly version: number; readonly people: string[] }
  | { readonly say: 'version'; readonly node: string; readonly version: number }
  | { readonly say: 'ask'; readonly node: string; readonly of: string | null };

/** A service lives, or is about to end. */
export type NodeWord = { readonly node: string; readonly isLeaving: boolean };

/** A person's read marker was moved at another service. */
export type MarkedWord = { readonly userId: string; readonly roomId: string; readonly readSeq: number };

/** What other services say. In whatever order, some of it late, twice or never. */
export type BusListener = {
  /** Of one room, committed together. */
  onEntries(entries: readonly Committed[]): void;
  /** A person's own `member.joined`, of a room that nobody here may follow yet. */
  onJoined(joined: Committed): void;
  onMarked(marked: MarkedWord): void;
  onSignal(signal: RoomSignal): void;
  onPresence(roomId: string, word: PresenceWord): void;
  onNode(word: NodeWord): void;
};

export type Following = {
  /** Resolves when what is published from now on comes here; at once while the bus is away. Never rejects. */
  readonly ready: Promise<void>;
  end(): void;
};

/**
 * Guarantees: nothing waits for it, no method throws, and nobody hears what they said themselves. Only rooms and people
 * that are followed are heard of; of services always.
 */
export interface Bus {
  /** Set before anything is followed. */
  listen(listener: BusListener): void;
  /** The room's entries. Each call counts: the room is heard of until all have ended. */
  followRoom(roomId: string): Following;
  /** Its signals and who listens to them. */
  followSignals(roomId: string): Following;
  followUser(userId: string): Following;
  /** One message for each room among them. */
  publish(entries: readonly Committed[]): void;
  publishMarked(marked: MarkedWord): void;
  publishSignal(signal: RoomSignal): void;
  publishPresence(roomId: string, word: PresenceWord): void;
  publishNode(word: NodeWord): void;
  /** What is wrong with it, in words for an operator; `null`: nothing. */
  readonly trouble: string | null;
  close(): Promise<void>;
}
