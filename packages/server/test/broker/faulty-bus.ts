// A bus that loses, delays, doubles and reorders what passes, by a seed: between services in this process.
import type { RoomSignal } from '@maru/contract';
import type {
  Bus,
  BusListener,
  Following,
  MarkedWord,
  NodeWord,
  PresenceWord,
} from '../../src/broker/bus.ts';
import type { Committed } from '../../src/store/store.ts';

export type Faults = {
  /** From 0 to 1, drawn for each message. */
  readonly random: () => number;
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
  /** Most milliseconds a late one takes. */
  readonly lateMs: number;
};

/** What several services have between them. */
export class FaultyWire {
  readonly passed = { lost: 0, doubled: 0, late: 0, through: 0 };
  readonly #faults: Faults;
  readonly #ends = new Set<FaultyBus>();
  readonly #cut = new Set<FaultyBus>();

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  newEnd(): FaultyBus {
    const end = new FaultyBus(this);
    this.#ends.add(end);
    return end;
  }

  /** An end of the wire is cut off: nothing comes to it or from it any more. */
  cut(end: FaultyBus): void {
    this.#ends.delete(end);
    this.#cut.add(end);
  }

  carry(from: FaultyBus, hear: (end: FaultyBus) => void): void {
    if (this.#cut.has(from)) return;
    for (const end of this.#ends) if (end !== from) this.#pass(() => hear(end));
  }

  #pass(deliver: () => void): void {
    const { random, lost, doubled, late, lateMs } = this.#faults;
    if (random() < lost) {
      this.passed.lost += 1;
      return;
    }
    const copies = random() < doubled ? 2 : 1;
    if (copies === 2) this.passed.doubled += 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (random() < late) {
        this.passed.late += 1;
        setTimeout(deliver, random() * lateMs);
      } else {
        this.passed.through += 1;
        setImmediate(deliver);
      }
    }
  }
}

export class FaultyBus implements Bus {
  readonly trouble = null;
  readonly #wire: FaultyWire;
  readonly #followed = new Map<string, number>();
  #listener: BusListener | undefined;

  constructor(wire: FaultyWire) {
    this.#wire = wire;
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  followRoom(roomId: string): Following {
    return this.#follow(`room ${roomId}`);
  }

  followSignals(roomId: string): Following {
    return this.#follow(`signals ${roomId}`);
  }

  followUser(userId: string): Following {
    return this.#follow(`user ${userId}`);
  }

  publish(entries: readonly Committed[]): void {
    for (const [roomId, ofRoom] of Map.groupBy(entries, ({ entry }) => entry.roomId)) {
      // As over any wire: what is heard is a copy.
      const copy = () => structuredClone(ofRoom);
      this.#wire.carry(this, (end) => end.#hear(`room ${roomId}`, (listener) => listener.onEntries(copy())));
    }
  }

  publishSignal(signal: RoomSignal): void {
    this.#say(`signals ${signal.roomId}`, (listener) => listener.onSignal(signal));
  }

  publishMarked(marked: MarkedWord): void {
    this.#say(`user ${marked.userId}`, (listener) => listener.onMarked(marked));
  }

  publishPresence(roomId: string, word: PresenceWord): void {
    this.#say(`signals ${roomId}`, (listener) => listener.onPresence(roomId, word));
  }

  publishNode(word: NodeWord): void {
    this.#wire.carry(this, (end) => {
      if (end.#listener !== undefined) end.#listener.onNode(word);
    });
  }

  async close(): Promise<void> {}

  #say(subject: string, tell: (listener: BusListener) => void): void {
    this.#wire.carry(this, (end) => end.#hear(subject, tell));
  }

  #follow(subject: string): Following {
    this.#followed.set(subject, (this.#followed.get(subject) ?? 0) + 1);
    return {
      ready: Promise.resolve(),
      end: () => this.#followed.set(subject, (this.#followed.get(subject) ?? 0) - 1),
    };
  }

  #hear(subject: string, tell: (listener: BusListener) => void): void {
    if ((this.#followed.get(subject) ?? 0) > 0 && this.#listener !== undefined) tell(this.#listener);
  }
}
