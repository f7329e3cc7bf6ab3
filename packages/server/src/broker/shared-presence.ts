// Who listens to rooms at all services: each says who is there, and that it lives.
import { nanoid } from 'nanoid';
import type { Bus, NodeWord, PresenceWord } from './bus.ts';
import { OtherPeople } from './other-people.ts';
import type { SignalRoom } from './signal-room.ts';

export type SharedPresenceOptions = {
  readonly bus: Pick<Bus, 'publishPresence' | 'publishNode'>;
  /** How often the service says that it lives. */
  readonly everyMs: number;
};

/** A service of which nothing was heard for so many times is gone. */
const SILENT_TIMES = 3;
/** Rooms say by turns that nothing changed: each once in so many times. */
const TURNS = 6;
/** The people of a room are said at most once in so long a part of it. */
const SAID_PART = 5;

type Shared = {
  readonly room: SignalRoom;
  readonly others: OtherPeople;
  /** Of what was said last; 0: nothing was, nobody listened. */
  version: number;
  saidAt: number;
  timer: NodeJS.Timeout | undefined;
};

/**
 * Guarantees, with a bus that loses, doubles, delays and reorders: what a service tells of who is at another becomes true
 * within `TURNS` × `everyMs` of the last change while words get through; who was at a service that ended is gone at
 * once, at one that died or is cut off within (`SILENT_TIMES` + 1) × `everyMs`.
 *
 * Costs: a room whose people change says all of them, at once, then at most every `everyMs` / 5; a quiet one a line every
 * `TURNS` × `everyMs`. Nothing is read or written for it.
 */
export class SharedPresence {
  readonly #options: SharedPresenceOptions;
  readonly #node = nanoid(12);
  readonly #rooms = new Map<string, Shared>();
  /** When each other service was last heard of. */
  readonly #nodes = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #version = 0;
  #turn: Shared[] = [];
  #perTick = 0;

  constructor(options: SharedPresenceOptions) {
    this.#options = options;
    this.#sayAlive(false);
    this.#timer = setInterval(() => this.#tick(), options.everyMs);
    this.#timer.unref();
  }

  /** The room is about to be listened to here: the others say who is there, from when the bus brings it. */
  open(room: SignalRoom, ready: Promise<void>): void {
    const others = new OtherPeople({
      tell: (begun, ended) => room.hearPeople(begun, ended),
      now: () => performance.now(),
    });
    const shared: Shared = { room, others, version: 0, saidAt: -Infinity, timer: undefined };
    this.#rooms.set(room.roomId, shared);
    void ready.then(() => {
      if (this.#rooms.get(room.roomId) === shared) this.#ask(room.roomId, null);
    });
  }

  /** Nobody listens to it here any more. */
  close(roomId: string): void {
    const shared = this.#rooms.get(roomId);
    if (shared === undefined) return;
    this.#rooms.delete(roomId);
    clearTimeout(shared.timer);
    if (shared.version > 0)
      this.#publish(roomId, { say: 'people', version: this.#nextVersion(), people: [] });
  }

  /** Others listen to it here than before. */
  changed(roomId: string): void {
    const shared = this.#rooms.get(roomId);
    if (shared === undefined) return;
    shared.version = this.#nextVersion();
    this.#saySoon(shared);
  }

  hear(roomId: string, word: PresenceWord): void {
    this.#nodes.set(word.node, performance.now());
    const shared = this.#rooms.get(roomId);
    if (shared === undefined) return;
    if (word.say === 'people') shared.others.hear(word);
    else if (word.say === 'version') {
      if (!shared.others.confirm(word.node, word.version)) this.#ask(roomId, word.node);
    } else if (shared.version > 0 && (word.of === null || word.of === this.#node)) this.#saySoon(shared);
  }

  hearNode({ node, isLeaving }: NodeWord): void {
    if (isLeaving) this.#forget(node);
    else this.#nodes.set(node, performance.now());
  }

  end(): void {
    clearInterval(this.#timer);
    for (const { timer } of this.#rooms.values()) clearTimeout(timer);
    this.#sayAlive(true);
  }

  #tick(): void {
    this.#sayAlive(false);
    const { everyMs } = this.#options;
    const now = performance.now();
    for (const [node, heardAt] of this.#nodes) {
      if (heardAt < now - SILENT_TIMES * everyMs) this.#forget(node);
    }
    if (this.#turn.length === 0) {
      this.#turn = [...this.#rooms.values()];
      this.#perTick = Math.ceil(this.#turn.length / TURNS);
    }
    for (const { room, version, others } of this.#turn.splice(0, this.#perTick)) {
      if (this.#rooms.get(room.roomId)?.room !== room) continue;
      // Its word that nobody listens there any more may have been lost.
      others.forgetBefore(now - SILENT_TIMES * TURNS * everyMs);
      if (version > 0) this.#publish(room.roomId, { say: 'version', version });
    }
  }

  #saySoon(shared: Shared): void {
    if (shared.timer !== undefined) return;
    const wait = shared.saidAt + this.#options.everyMs / SAID_PART - performance.now();
    if (wait <= 0) return this.#say(shared);
    shared.timer = setTimeout(() => this.#say(shared), wait);
    shared.timer.unref();
  }

  #say(shared: Shared): void {
    const { room, version } = shared;
    shared.timer = undefined;
    shared.saidAt = performance.now();
    this.#publish(room.roomId, { say: 'people', version, people: room.peopleHere() });
  }

  #ask(roomId: string, of: string | null): void {
    this.#options.bus.publishPresence(roomId, { say: 'ask', node: this.#node, of });
  }

  #publish(
    roomId: string,
    word: { say: 'version'; version: number } | { say: 'people'; version: number; people: string[] },
  ): void {
    this.#options.bus.publishPresence(roomId, { ...word, node: this.#node });
  }

  #sayAlive(isLeaving: boolean): void {
    this.#options.bus.publishNode({ node: this.#node, isLeaving });
  }

  #forget(node: string): void {
    this.#nodes.delete(node);
    for (const { others } of this.#rooms.values()) others.forget(node);
  }

  /** Over all rooms: one that is closed and opened again goes on. */
  #nextVersion(): number {
    this.#version += 1;
    return this.#version;
  }
}
