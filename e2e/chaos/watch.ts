// What all of a chaos run share: how much of everything has happened, and what was found to be wrong.
import { Tally } from './tally.ts';

/** What is wrong is told in full up to so many times; a run that goes on wrong says the same over and over. */
const MOST_BREACHES = 20;

export class Watch {
  /** RECEIPTs of SENDs and COMMITs, and good answers of POST. */
  readonly receipts = new Tally();
  /** MESSAGEs that came to readers. */
  readonly deliveries = new Tally();
  /** CONNECTEDs, of all clients. */
  readonly connects = new Tally();
  /** SENDs, COMMITs and POSTs sent once more because no answer had come. */
  readonly retries = new Tally();
  /** Deliveries that were compared with the log. */
  checked = 0;
  readonly breaches: string[] = [];

  breach(what: string): void {
    if (this.breaches.length < MOST_BREACHES) this.breaches.push(what);
  }
}
