// One sender's messages in one room, numbered 0, 1, 2 …: in the log they stand in this order, each once.
import type { MessageCreated } from '@maru/contract';
import { type Place, Places } from './places.ts';

const TEXT = 'The floor between the rooms. 마루에서 만나요. ';
/** Every so many messages one is some KiB long: it shares no packet, and no page of the database, with others. */
const LONG_EVERY = 101;

/** What a message says is settled by its id, so that nothing of it needs to be remembered. */
export function contentOf(clientMessageId: string): string {
  const n = numberOf(clientMessageId);
  const repeats = n % LONG_EVERY === LONG_EVERY - 1 ? 120 : n % 5;
  return `${clientMessageId} ${TEXT.repeat(repeats)}`.trimEnd();
}

/** `<lane>.<number>` */
function numberOf(clientMessageId: string): number {
  return Number(clientMessageId.split('.')[1]);
}

export class Lane {
  readonly name: string;
  /** Its messages may be deleted later. */
  readonly mayDelete: boolean;
  readonly places: Places;
  readonly #breach: (what: string) => void;
  #sent = 0;
  #landed = 0;
  #lastSeq = 0;
  /** Of a message in a transaction that has not landed yet: the transaction's first number. */
  readonly #transactions = new Map<number, number>();

  constructor(name: string, breach: (what: string) => void, mayDelete = false) {
    this.name = name;
    this.mayDelete = mayDelete;
    this.#breach = (what) => breach(`${name}: ${what}`);
    this.places = new Places(this.#breach);
  }

  get landed(): number {
    return this.#landed;
  }

  /** The clientMessageIds of the next messages; more than one are a transaction. */
  next(count = 1): readonly string[] {
    const numbers = Array.from({ length: count }, (_, index) => this.#sent + index);
    if (count > 1) for (const n of numbers) this.#transactions.set(n, this.#sent);
    this.#sent += count;
    return numbers.map((n) => `${this.name}.${n}`);
  }

  /** @param place null: the RECEIPT is that of a COMMIT, which names none. */
  receipted(clientMessageId: string, place: Place | null): void {
    this.places.receipted(numberOf(clientMessageId), place);
  }

  /** Takes the lane's next message as the log has it. */
  land({ clientMessageId = '', content, deleted, messageId, seq }: MessageCreated): void {
    const n = numberOf(clientMessageId);
    const expected = this.#landed;
    if (n < expected) return this.#breach(`${n} is at seq ${seq}, behind ${expected - 1}, late or twice`);
    if (n > expected) this.#breach(`${n} is at seq ${seq}, ${expected} is not before it`);
    if (n >= this.#sent) this.#breach(`${n} is at seq ${seq} and was never sent`);
    const isGone = this.mayDelete && deleted === true && content === null;
    if (content !== contentOf(clientMessageId) && !isGone) {
      this.#breach(`${n} at seq ${seq} says ${JSON.stringify(content)}`);
    }
    const first = this.#transactions.get(n);
    if (first !== undefined && first !== n && seq !== this.#lastSeq + 1) {
      this.#breach(`${n} at seq ${seq} is apart from its transaction, whose last was ${this.#lastSeq}`);
    }
    this.#transactions.delete(n);
    this.#landed = n + 1;
    this.#lastSeq = seq;
    this.places.landed(n, { messageId, seq });
  }

  expectSettled(): void {
    if (this.#landed !== this.#sent) this.#breach(`of ${this.#sent} sent, ${this.#landed} are in the log`);
    this.places.expectSettled();
  }
}
