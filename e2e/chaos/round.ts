// One round: a kill at some moment, perhaps more while Maru comes back, and everybody's recovery.
import type { Random } from '../../packages/stomp/test/fuzz-random.ts';
import type { Cast } from './cast.ts';
import { within } from './deadline.ts';
import { headOf } from './examination.ts';
import { AFTERSHOCKS, type AftershockName, KILL_POINTS, type KillPointName, namesOf } from './kill-points.ts';
import type { Plan, System } from './system.ts';
import type { Watch } from './watch.ts';

/** In full flow a round's moments come within a second or two. */
const MOMENT_WITHIN_MS = 60_000;
const RECOVERED_WITHIN_MS = 120_000;
/** What is aimed at an event as a client sees it comes late; a little later still is another place in the server. */
const MOST_JITTER_MS = 8;
/** RECEIPTs between a recovery and what leads to the next kill. */
const MOST_BEFORE = 400;
/** In one round of so many a kill is followed by others. */
const SHAKEN = 3;
const MOST_AFTERSHOCKS = 3;

export type Played = {
  readonly killedIn: Plan;
  readonly point: KillPointName;
  readonly aftershocks: readonly AftershockName[];
  /** From the last kill on. */
  readonly readyMs: number;
  /** From the last kill until all that was under way is answered and everybody has heard all of it. */
  readonly recoveredMs: number;
};

export class Round {
  readonly #system: System;
  readonly #cast: Cast;
  readonly #watch: Watch;
  readonly #random: Random;
  /** Of the starts so far the longest. */
  #startMs = 500;

  constructor(parts: { system: System; cast: Cast; watch: Watch; random: Random }) {
    this.#system = parts.system;
    this.#cast = parts.cast;
    this.#watch = parts.watch;
    this.#random = parts.random;
  }

  /** @param plan how Maru comes back */
  async play(plan: Plan): Promise<Played> {
    const [system, cast, random] = [this.#system, this.#cast, this.#random];
    const killedIn = system.plan;
    if (random.once(2)) random.pick(cast.connections).drop();
    await this.#moment('flow', this.#watch.receipts.more(random.below(MOST_BEFORE)));
    const point = random.pick(namesOf(KILL_POINTS));
    await this.#moment(point, KILL_POINTS[point](this.#parts));
    let killed = await this.#kill();

    const aftershocks: AftershockName[] = [];
    if (random.once(SHAKEN)) {
      for (let left = 1 + random.below(MOST_AFTERSHOCKS); left > 0; left -= 1) {
        const aftershock = random.pick(namesOf(AFTERSHOCKS));
        aftershocks.push(aftershock);
        const { ready } = await system.begin(plan);
        // It says so when it ends without having been killed; before that its end is what is wanted.
        ready.catch(() => {});
        const moment = AFTERSHOCKS[aftershock]({ ...this.#parts, usualMs: this.#startMs });
        await this.#moment(aftershock, moment);
        killed = await this.#kill();
      }
    }

    await system.start(plan);
    const readyMs = performance.now() - killed;
    this.#startMs = Math.max(this.#startMs, Math.min(readyMs, 5_000));
    await within(RECOVERED_WITHIN_MS, this.#recovered(), () => this.#story('has not recovered'));
    return { killedIn, point, aftershocks, readyMs, recoveredMs: performance.now() - killed };
  }

  get #parts() {
    return { cast: this.#cast, watch: this.#watch, random: this.#random };
  }

  async #moment(name: string, moment: Promise<unknown>): Promise<void> {
    await within(MOMENT_WITHIN_MS, moment, () => this.#story(`waits for the moment "${name}"`));
    const jitter = this.#random.below(MOST_JITTER_MS + 1);
    await new Promise((resolve) => setTimeout(resolve, jitter));
  }

  /** @returns when it was */
  async #kill(): Promise<number> {
    const at = performance.now();
    await this.#system.kill();
    return at;
  }

  /** All that was under way is answered, and everybody has heard the log as far as it goes by then. */
  async #recovered(): Promise<void> {
    await this.#cast.settled();
    for (const { roomId } of this.#cast.ledgers) {
      const head = await headOf({ gateway: this.#system, reader: this.#cast.owner, roomId });
      await Promise.all(this.#cast.streamsOf(roomId).map((stream) => stream.reached(head)));
    }
  }

  #story(what: string): string {
    return [`the round ${what}`, ...this.#cast.stories, this.#system.output].join('\n');
  }
}
