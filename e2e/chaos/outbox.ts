// What a person has sent and has no RECEIPT for: after every reconnect it is sent again, in the same order.
import type { StompHeaders } from '@stomp/stompjs';
import { type ConnectionOptions, type ConnectionOwner, KeptConnection } from './kept-connection.ts';
import type { Watch } from './watch.ts';

type Body = Readonly<Record<string, unknown>>;

/** One thing that has one RECEIPT: a SEND, or a transaction of several. */
type Unit = {
  readonly destination: string;
  readonly bodies: readonly Body[];
  readonly isTransaction: boolean;
};
type Waiting = Unit & { readonly receipt: PromiseWithResolvers<StompHeaders>; attempts: number };

/**
 * Everything is sent at once while connected, else at the next CONNECTED; nothing is dropped. Its order stays: what is sent
 * again comes before what is sent for the first time. Bounded by what its user sends without awaiting it.
 */
export class Outbox implements ConnectionOwner {
  readonly connection: KeptConnection;
  readonly #watch: Watch;
  readonly #waiting = new Map<string, Waiting>();
  #sent = 0;

  constructor(options: ConnectionOptions, watch: Watch) {
    this.#watch = watch;
    this.connection = new KeptConnection(options, watch, this);
  }

  /** Without a RECEIPT. */
  get size(): number {
    return this.#waiting.size;
  }

  get story(): string {
    const [oldest] = this.#waiting.keys();
    return `${this.connection.story}, ${this.size} without RECEIPT, the oldest ${oldest ?? 'none'}`;
  }

  /** Resolves when all that is here now has its RECEIPT. */
  async settled(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ receipt }) => receipt.promise));
  }

  /** Resolves with the headers of its RECEIPT. */
  send(destination: string, body: Body): Promise<StompHeaders> {
    return this.#add({ destination, bodies: [body], isTransaction: false });
  }

  /** Resolves with the RECEIPT of the COMMIT. */
  async transact(destination: string, bodies: readonly Body[]): Promise<void> {
    await this.#add({ destination, bodies, isTransaction: true });
  }

  onConnect(): void {
    for (const [id, waiting] of this.#waiting) this.#write(id, waiting);
  }

  onReceipt(id: string, headers: StompHeaders): void {
    const waiting = this.#waiting.get(id);
    // Of a unit that is receipted already nothing is on its way any more: each connection sends it once.
    if (waiting === undefined) return this.#watch.breach(`${this.connection.name}: a RECEIPT ${id} too many`);
    this.#waiting.delete(id);
    this.#watch.receipts.add();
    waiting.receipt.resolve(headers);
  }

  #add(unit: Unit): Promise<StompHeaders> {
    this.#sent += 1;
    const id = `${this.#sent}`;
    const waiting = { ...unit, receipt: Promise.withResolvers<StompHeaders>(), attempts: 0 };
    this.#waiting.set(id, waiting);
    if (this.connection.isConnected) this.#write(id, waiting);
    return waiting.receipt.promise;
  }

  #write(receipt: string, unit: Waiting): void {
    const { destination, bodies, isTransaction } = unit;
    if (unit.attempts > 0) this.#watch.retries.add();
    unit.attempts += 1;
    if (!isTransaction) {
      for (const body of bodies) this.connection.send(destination, { receipt }, JSON.stringify(body));
      return;
    }
    const transaction = `t${receipt}`;
    this.connection.transact('BEGIN', { transaction });
    for (const body of bodies) this.connection.send(destination, { transaction }, JSON.stringify(body));
    this.connection.transact('COMMIT', { transaction, receipt });
  }
}
