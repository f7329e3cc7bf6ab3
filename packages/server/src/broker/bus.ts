// The bus between chat services: it wakes the others. What it loses is found in the log.
import type { RoomSignal } from '@maru/contract';
import type { Committed } from '../store/store.ts';

/** What other services say. In whatever order, some of it late, twice or never. */
export type BusListener = {
  /** Of one room, committed together. */
  onEntries(entries: readonly Committed[]): void;
  /** A person's own `member.joined`, of a room that nobody here may follow yet. */
  onJoined(joined: Committed): void;
  onSignal(signal: RoomSignal): void;
};

export type Following = {
  /** Resolves when what is published from now on comes here; at once while the bus is away. Never rejects. */
  readonly ready: Promise<void>;
  end(): void;
};

/**
 * Guarantees: nothing waits for it, no method throws, and nobody hears what they said themselves. Only rooms and people
 * that are followed are heard of.
 */
export interface Bus {
  /** Set before anything is followed. */
  listen(listener: BusListener): void;
  /** Each call counts: the room is heard of until all have ended. */
  followRoom(roomId: string): Following;
  followUser(userId: string): Following;
  /** One message for each room among them. */
  publish(entries: readonly Committed[]): void;
  publishSignal(signal: RoomSignal): void;
  /** What is wrong with it, in words for an operator; `null`: nothing. */
  readonly trouble: string | null;
  close(): Promise<void>;
}
