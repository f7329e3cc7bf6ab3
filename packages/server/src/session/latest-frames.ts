// What a session that is too slow gets when it reads again, of what needn't arrive: the newest of each kind.
import type { Counts } from '../telemetry/counts.ts';

const KINDS = 1_024;
const OCTETS = 262_144;

/**
 * Bound: 1,024 kinds and 256 KiB; past them, and without a kind, frames are dropped. Whatever is dropped or replaced is
 * counted. In the order in which the newest of each kind came.
 */
export class LatestFrames {
  readonly #counts: Counts;
  readonly #frames = new Map<string, Buffer>();
  #octets = 0;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  keep(frames: Buffer, kind: string | undefined): void {
    if (kind === undefined) {
      this.#counts.ephemeralDropped += 1;
      return;
    }
    const older = this.#frames.get(kind);
    if (older !== undefined) {
      this.#frames.delete(kind);
      this.#octets -= older.length;
      this.#counts.ephemeralDropped += 1;
    }
    if (this.#frames.size >= KINDS || this.#octets + frames.length > OCTETS) {
      this.#counts.ephemeralDropped += 1;
      return;
    }
    this.#frames.set(kind, frames);
    this.#octets += frames.length;
  }

  /** What there is, and nothing from then on. */
  take(): Buffer[] {
    const frames = [...this.#frames.values()];
    this.clear();
    return frames;
  }

  clear(): void {
    this.#frames.clear();
    this.#octets = 0;
  }
}
