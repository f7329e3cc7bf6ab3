// The end of an event-loop turn: what was gathered during the turn leaves then, each socket in one write.

export interface Flushable {
  flush(): void;
}

/**
 * Two phases, run once per turn by setImmediate: rooms hand their entries to the sessions' outbound queues, then each
 * queue writes to its socket. Bounds: each room and each queue stands in its list at most once a turn.
 */
export class Turn {
  #rooms: Flushable[] = [];
  #queues: Flushable[] = [];
  #scheduled = false;

  addRoom(room: Flushable): void {
    this.#rooms.push(room);
    this.#schedule();
  }

  addQueue(queue: Flushable): void {
    this.#queues.push(queue);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const rooms = this.#rooms;
    this.#rooms = [];
    for (const room of rooms) room.flush();
    // Rooms have just filled the queues, so the list is taken only now.
    const queues = this.#queues;
    this.#queues = [];
    this.#scheduled = false;
    for (const queue of queues) queue.flush();
  };
}
