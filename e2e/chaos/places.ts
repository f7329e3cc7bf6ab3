// Where the numbered things of one sender are: what the RECEIPT said of each, and what the log says.

/** What a RECEIPT, or the answer to a POST, says of an entry. */
export type Place = { readonly messageId: string; readonly seq: number };

/** Each number is *receipted* and *landed* (found in the log), in either order; kept is what is one and not the other. */
export class Places {
  readonly #breach: (what: string) => void;
  /** `null`: the RECEIPT named none. */
  readonly #receipted = new Map<number, Place | null>();
  readonly #landed = new Map<number, Place>();
  #receiptedTo = 0;

  constructor(breach: (what: string) => void) {
    this.#breach = breach;
  }

  /** One past the last number that is receipted. */
  get receiptedTo(): number {
    return this.#receiptedTo;
  }

  receipted(n: number, place: Place | null): void {
    this.#receiptedTo = Math.max(this.#receiptedTo, n + 1);
    const landed = this.#landed.get(n);
    if (landed === undefined) {
      this.#receipted.set(n, place);
    } else {
      this.#landed.delete(n);
      this.#compare(n, place, landed);
    }
  }

  landed(n: number, place: Place): void {
    const receipted = this.#receipted.get(n);
    if (receipted === undefined) {
      this.#landed.set(n, place);
    } else {
      this.#receipted.delete(n);
      this.#compare(n, receipted, place);
    }
  }

  /** What is receipted below that number must have been found in the log, which was read up to that seq. */
  expectLanded(to: number, seq: number): void {
    const lost = [...this.#receipted.keys()].filter((n) => n < to);
    if (lost.length > 0)
      this.#breach(`${lost.length} with RECEIPT, from ${lost[0]}, are not in the log up to ${seq}`);
  }

  /** All is receipted and landed. */
  expectSettled(): void {
    const [receipted] = this.#receipted.keys();
    const [landed] = this.#landed.keys();
    if (receipted !== undefined) this.#breach(`${receipted} has a RECEIPT and is not in the log`);
    if (landed !== undefined) this.#breach(`${landed} is in the log and has no RECEIPT`);
  }

  #compare(n: number, receipted: Place | null, landed: Place): void {
    if (receipted === null) return;
    if (receipted.seq === landed.seq && receipted.messageId === landed.messageId) return;
    this.#breach(`the RECEIPT of ${n} says ${JSON.stringify(receipted)}, the log ${JSON.stringify(landed)}`);
  }
}
