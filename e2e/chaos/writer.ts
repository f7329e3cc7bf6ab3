// Somebody who writes to a room without end over STOMP: a few messages at a time, now and then very many, or a transaction.
import { APPLICATION_DESTINATIONS } from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import type { Random } from '../../packages/stomp/test/fuzz-random.ts';
import type { ConnectionOptions } from './kept-connection.ts';
import { contentOf, type Lane } from './lane.ts';
import { Outbox } from './outbox.ts';
import type { Place } from './places.ts';
import type { Watch } from './watch.ts';

/** Under way at a time, but for bursts and transactions. */
const WINDOW = 6;
/** Longest pause between a RECEIPT and the next message: the run is about crashes, not about how fast it can be. */
const MOST_PAUSE_MS = 12;
/** Once in so many times the next message is a transaction. */
const TRANSACTION_EVERY = 40;

export class Writer {
  readonly outbox: Outbox;
  readonly #roomId: string;
  readonly #lane: Lane;
  readonly #random: Random;
  #isOver = false;

  constructor(
    options: ConnectionOptions & { readonly roomId: string; readonly lane: Lane; readonly random: Random },
    watch: Watch,
  ) {
    this.#roomId = options.roomId;
    this.#lane = options.lane;
    this.#random = options.random;
    this.outbox = new Outbox(options, watch);
  }

  /** Resolves when it was told to stop and all has its RECEIPT. */
  async write(): Promise<void> {
    await Promise.all(
      Array.from({ length: WINDOW }, async () => {
        while (!this.#isOver) {
          if (this.#random.once(TRANSACTION_EVERY)) await this.transact(2 + this.#random.below(20));
          else await this.#send();
          const pause = this.#random.below(MOST_PAUSE_MS + 1);
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }),
    );
  }

  stop(): void {
    this.#isOver = true;
  }

  /** So many at once; resolves when all have their RECEIPT. */
  async burst(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#send()));
  }

  /** So many in one transaction; 100 is the most that the server takes by default. */
  async transact(count: number): Promise<void> {
    const ids = this.#lane.next(count);
    await this.outbox.transact(
      APPLICATION_DESTINATIONS.sendMessage,
      ids.map((id) => this.#body(id)),
    );
    for (const id of ids) this.#lane.receipted(id, null);
  }

  async #send(): Promise<void> {
    const [id = ''] = this.#lane.next();
    const receipt = await this.outbox.send(APPLICATION_DESTINATIONS.sendMessage, this.#body(id));
    this.#lane.receipted(id, placeOf(receipt));
  }

  #body(clientMessageId: string) {
    return { roomId: this.#roomId, content: contentOf(clientMessageId), clientMessageId };
  }
}

export function placeOf(receipt: StompHeaders): Place {
  return { messageId: receipt['message-id'] ?? '', seq: Number(receipt.seq) };
}
