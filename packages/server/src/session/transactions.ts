// The open transactions of a session: frames that were accepted and take effect together at COMMIT (STOMP 1.2 §BEGIN).
import { MaruError } from '@maru/contract';
import type { ClientCommand } from '@maru/stomp';
import type { Sending } from './sending.ts';
import type { Unacknowledged } from './unacknowledged.ts';

export type TransactionLimits = {
  /** Open at a time. */
  readonly transactions: number;
  /** SEND, ACK and NACK frames in one. */
  readonly transactionFrames: number;
  /** Octets of the bodies in all that are open. */
  readonly transactionOctets: number;
};

/** An acknowledgement that waits for COMMIT. */
type Settling = {
  readonly settle: () => void;
  /** Whether that message is settled by it. */
  covers(window: Unacknowledged, messageId: string): boolean;
};

/** A frame whose effect waits. */
type Step = { readonly sending: Sending } | Settling;

/**
 * States: *open* → *spoiled* (a frame of it was refused; COMMIT will be too) → gone by COMMIT, ABORT or the session's end.
 */
export class Transaction {
  readonly #limits: TransactionLimits;
  readonly #total: { octets: number };
  readonly steps: Step[] = [];
  octets = 0;
  isSpoiled = false;

  constructor(limits: TransactionLimits, total: { octets: number }) {
    this.#limits = limits;
    this.#total = total;
  }

  /**
   * @param octets of the body that is kept with it
   * @throws MaruError `transaction-too-large`
   */
  add(step: Step, octets: number): void {
    const { transactionFrames, transactionOctets } = this.#limits;
    if (this.steps.length >= transactionFrames || this.#total.octets + octets > transactionOctets) {
      throw new MaruError('transaction-too-large');
    }
    this.steps.push(step);
    this.octets += octets;
    this.#total.octets += octets;
  }
}

export class Transactions {
  readonly #limits: TransactionLimits;
  readonly #open = new Map<string, Transaction>();
  readonly #total = { octets: 0 };

  constructor(limits: TransactionLimits) {
    this.#limits = limits;
  }

  /** @throws MaruError `duplicate-transaction`, `too-many-transactions` */
  begin(id: string): void {
    if (this.#open.has(id)) throw new MaruError('duplicate-transaction');
    if (this.#open.size >= this.#limits.transactions) throw new MaruError('too-many-transactions');
    this.#open.set(id, new Transaction(this.#limits, this.#total));
  }

  /** @throws MaruError `unknown-transaction` */
  get(id: string): Transaction {
    const transaction = this.#open.get(id);
    if (transaction === undefined) throw new MaruError('unknown-transaction');
    return transaction;
  }

  /** Takes it out: its id is free again. @throws MaruError `unknown-transaction` */
  end(id: string): Transaction {
    const transaction = this.get(id);
    this.#open.delete(id);
    this.#total.octets -= transaction.octets;
    return transaction;
  }

  /** Whether a message is acknowledged in one that is open: a second acknowledgement is one too many. */
  covers(window: Unacknowledged, messageId: string): boolean {
    for (const { steps } of this.#open.values()) {
      if (steps.some((step) => 'covers' in step && step.covers(window, messageId))) return true;
    }
    return false;
  }

  /** A SEND or COMMIT of it was refused before it was looked at: nothing of the transaction may take effect any more. */
  withdraw(id: string, command: ClientCommand): void {
    const transaction = this.#open.get(id);
    if (transaction === undefined) return;
    if (command === 'COMMIT') this.end(id);
    else transaction.isSpoiled = true;
  }

  /** The session is over: none of them ever takes effect. */
  abortAll(): void {
    this.#open.clear();
    this.#total.octets = 0;
  }
}
