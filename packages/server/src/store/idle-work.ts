// What the writer thread does when nobody waits for it: tasks that can be cut into slices, and take turns.

export type IdleTask = {
  /** In how many milliseconds it wants a slice, 0 or less: now; Infinity: it has nothing to do. Asked often: it is cheap. */
  dueIn(): number;
  /** One slice. `size` is adapted to what one takes: twice as much is about twice as long. */
  run(size: number): void;
};

export type IdleWorkOptions = {
  /** Those that are due take turns. */
  readonly tasks: readonly IdleTask[];
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** A slice failed. It will be tried again. */
  readonly onError: (error: unknown) => void;
};

/** A slice is about so long, in milliseconds: a batch that comes meanwhile waits for it. */
const SLICE_MS = 5;
/** The thread is quiet when it has answered no batch for so long: who writes without a pause is not waited upon. */
const QUIET_MS = 20;
/** Without ever being quiet it runs one slice in so long: 5 % of the time. */
const STEADY_MS = 100;
/** After a failure no task gets a slice for so long; twice as long each time until one works again. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const FIRST_SIZE = 32;
const LARGEST_SIZE = 1_024;

/**
 * States:
 *
 *   asleep   no task wants anything, no timer runs        wake() → waiting, if one does now
 *   waiting  a timer runs until the next slice may begin  it fires → a slice, or waiting on if batches came meanwhile
 *   resting  a slice failed: waiting, for longer
 *   closed   nothing runs any more
 *
 * A slice begins when a task is due and either the thread has been quiet for QUIET_MS, or the last slice is STEADY_MS ago.
 * Between two slices the thread takes what its port has. One slice at a time, of one task; each is bounded by its size,
 * which grows or shrinks with what the last one of that task took, from 1 to LARGEST_SIZE.
 */
export class IdleWork {
  readonly #options: IdleWorkOptions;
  readonly #sizes = new Map<IdleTask, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #lastBatch = Number.NEGATIVE_INFINITY;
  #lastSlice = Number.NEGATIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
  #restMs = FIRST_REST_MS;
  #last = -1;
  #closed = false;

  constructor(options: IdleWorkOptions) {
    this.#options = options;
  }

  /** A batch was answered, which may have given the tasks something to do. */
  wake(): void {
    this.#lastBatch = this.#options.now();
    this.#wait(this.#lastBatch);
  }

  /** Looks for what an earlier run of the program has left to do. */
  start(): void {
    this.#wait(this.#options.now());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #mayRunAt(): number {
    return Math.max(Math.min(this.#lastBatch + QUIET_MS, this.#lastSlice + STEADY_MS), this.#restUntil);
  }

  #wait(now: number): void {
    if (this.#closed) return;
    const dueIn = Math.min(...this.#options.tasks.map((task) => task.dueIn()));
    if (dueIn === Number.POSITIVE_INFINITY) return;
    const at = Math.max(now + dueIn, this.#mayRunAt());
    // A timer that fires too early looks again.
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#fire(), Math.min(Math.max(at - now, 1), LONGEST_TIMER_MS));
    // It keeps no thread alive.
    this.#timer.unref();
  }

  #fire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const begun = this.#options.now();
    const task = begun < this.#mayRunAt() ? undefined : this.#nextDue();
    if (task !== undefined) {
      this.#lastSlice = begun;
      this.#run(task, begun);
    }
    this.#wait(this.#options.now());
  }

  /** The first one due after the one that ran last: none keeps another from its turn. */
  #nextDue(): IdleTask | undefined {
    const { tasks } = this.#options;
    for (let step = 1; step <= tasks.length; step += 1) {
      const at = (this.#last + step) % tasks.length;
      const task = tasks[at];
      if (task === undefined || task.dueIn() > 0) continue;
      this.#last = at;
      return task;
    }
    return undefined;
  }

  #run(task: IdleTask, begun: number): void {
    const size = this.#sizes.get(task) ?? FIRST_SIZE;
    try {
      task.run(size);
      this.#restMs = FIRST_REST_MS;
    } catch (error) {
      this.#restUntil = begun + this.#restMs;
      this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
      this.#options.onError(error);
    }
    this.#sizes.set(task, nextSize(size, this.#options.now() - begun));
  }
}

/** A longer one would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

function nextSize(size: number, took: number): number {
  if (took > SLICE_MS * 1.5) return Math.max(Math.floor(size / 2), 1);
  return took < SLICE_MS / 2 ? Math.min(size * 2, LARGEST_SIZE) : size;
}
