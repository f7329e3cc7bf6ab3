// Somebody who sends again whatever has no RECEIPT, over a connection that is cut again and again.
import { StompClient } from '../stomp-client.ts';
import type { Cut, Relay } from './relay.ts';

/** What a RECEIPT, or the answer to a POST, says of a message. */
export type Place = { readonly messageId: string; readonly seq: number };

export class StubbornSender {
  /** By clientMessageId. */
  readonly places = new Map<string, Place>();
  /** Cuts that left something without its RECEIPT. Cut on the way down a message was stored, and its RECEIPT is what was lost. */
  readonly losses: Record<Cut['direction'], number> = { up: 0, down: 0 };
  readonly #relay: Relay;
  readonly #token: string;
  readonly #roomId: string;
  #client: StompClient | undefined;

  constructor(relay: Relay, sender: { readonly token: string; readonly roomId: string }) {
    this.#relay = relay;
    this.#token = sender.token;
    this.#roomId = sender.roomId;
  }

  /** Sends all, in this order and again in this order, until each has a RECEIPT. The cut comes somewhere meanwhile. */
  async send(clientMessageIds: readonly string[], cut: Cut): Promise<void> {
    this.#client ??= await this.#connect();
    void this.#relay.cut(cut);
    let waiting = clientMessageIds;
    for (;;) {
      waiting = await this.#attempt(waiting);
      if (waiting.length === 0) break;
      this.losses[cut.direction] += 1;
      this.#client = await this.#connect();
    }
    this.#relay.spare();
  }

  async leave(): Promise<void> {
    await this.#client?.disconnect();
  }

  /** @returns what got no RECEIPT */
  async #attempt(clientMessageIds: readonly string[]): Promise<readonly string[]> {
    const client = this.#client;
    const sent = clientMessageIds.map(async (clientMessageId) => {
      const receipt = await client?.send(this.#roomId, contentOf(clientMessageId), { clientMessageId });
      this.places.set(clientMessageId, placeOf(receipt ?? {}));
    });
    const outcomes = await Promise.allSettled(sent);
    return clientMessageIds.filter((_, index) => outcomes[index]?.status === 'rejected');
  }

  /** The cut may come now as well: then it counts for nothing, and the next try is spared. */
  async #connect(): Promise<StompClient> {
    const chatUrl = `ws://127.0.0.1:${this.#relay.port}/chat`;
    try {
      return await StompClient.connect(chatUrl, this.#token);
    } catch {
      return StompClient.connect(chatUrl, this.#token);
    }
  }
}

export function contentOf(clientMessageId: string): string {
  return `message ${clientMessageId}`;
}

export function placeOf(receipt: Readonly<Record<string, string>>): Place {
  return { messageId: receipt['message-id'] ?? '', seq: Number(receipt.seq) };
}
