// Who may come in now, of all who come to the door at once, and when the others are to come again.

export type AdmissionOptions = {
  /** So many a second, and a second's worth at once. */
  readonly perSecond: number;
};

/** What a moment's answer to a visitor is: `null` is come in, else come back in so many milliseconds. */
export type Verdict = { readonly retryAfterMs: number } | null;

/** How long after the moment that they were told people count as late, not as gone. */
const KEPT_MS = 10_000;
/** Nobody is told a moment further away. */
const HORIZON_MS = 60_000;
/** Nor remembered, past so many who wait: about 100 octets each. */
const MAX_WAITING = 100_000;
/** No moment is nearer; a clock that is a little fast does no harm. */
const LEAST_MS = 100;

/**
 * A token bucket for all who come, and a line before it in which nobody stands: whoever finds no room is told a moment of
 * their own, each 1/perSecond after the one before, so that the wait grows with those who wait and they come back one after
 * the other.
 *
 * States of a visitor: *unknown* → *told* (a moment) → *due* (the moment has come) → *unknown* (came in, or stayed away for
 * `KEPT_MS`). Whoever is due comes before everybody else: while some are, half of the bucket is theirs, so that nobody who
 * comes new takes the place of one who has waited; the other half keeps the door open if those who were told never come.
 *
 * Bounds: 2 × perSecond in any second, `perSecond` in the long run; `MAX_WAITING` and `HORIZON_MS` of memory, past which
 * people are told a moment by chance and are new when they come.
 */
export class Admission {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at = 0;
  /** The last moment that was told. */
  #lastMoment = 0;
  /** In the order of their moments: when that is. */
  readonly #told = new Map<string, number>();
  /** Nearly in the order of their ends: until when they count. */
  readonly #due = new Map<string, number>();

  constructor({ perSecond }: AdmissionOptions) {
    this.#perMs = perSecond / 1_000;
    this.#capacity = perSecond;
    this.#tokens = perSecond;
  }

  /** Told to come back, and expected. */
  get waiting(): number {
    return this.#told.size + this.#due.size;
  }

  /**
   * @param who by what somebody is known when they come again
   * @param places how many more the house holds
   * @param now milliseconds of a clock that never goes back
   */
  ask(who: string, places: number, now: number): Verdict {
    this.#advance(now);
    const isDue = this.#due.has(who);
    const room = Math.min(Math.floor(this.#tokens), places);
    const kept = isDue ? 0 : Math.min(this.#due.size, this.#capacity / 2);
    if (room > kept) {
      this.#tokens -= 1;
      this.#due.delete(who);
      this.#told.delete(who);
      return null;
    }
    return { retryAfterMs: Math.ceil(isDue ? this.#again(who, now) : this.#tell(who, now)) };
  }

  #advance(now: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    for (const [who, moment] of this.#told) {
      if (moment > now + LEAST_MS) break;
      this.#told.delete(who);
      this.#due.set(who, moment + KEPT_MS);
    }
    for (const [who, until] of this.#due) {
      if (until > now) break;
      this.#due.delete(who);
    }
  }

  /** Came in time and found no room: stays ahead of all who are not due yet. */
  #again(who: string, now: number): number {
    const wait = LEAST_MS + Math.random() * Math.min(HORIZON_MS, this.#due.size / this.#perMs);
    this.#due.delete(who);
    this.#due.set(who, now + wait + KEPT_MS);
    return wait;
  }

  #tell(who: string, now: number): number {
    const known = this.#told.get(who);
    // Whoever comes early has gained nothing, and nobody else has lost.
    if (known !== undefined) return known - now;
    const moment = Math.max(this.#lastMoment, now + LEAST_MS) + 1 / this.#perMs;
    if (moment > now + HORIZON_MS || this.waiting >= MAX_WAITING) {
      return HORIZON_MS * (0.5 + Math.random() / 2);
    }
    this.#lastMoment = moment;
    this.#told.set(who, moment);
    return moment - now;
  }
}
