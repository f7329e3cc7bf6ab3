// A member of a room by Maru's own client: hears every entry of it, writes to it if asked, and comes back by itself.
import { ChatClient, RestClient, type Sent } from '@maru/client';

/** A message that has its RECEIPT. */
export type Receipted = Sent & { readonly content: string };

export type MemberOptions = {
  readonly gatewayUrl: string;
  readonly token: string;
  readonly name: string;
  readonly roomId: string;
};

/** Sent without waiting for each other: their order is the client's to keep. */
const AT_ONCE = 3;
const BETWEEN_MS = 150;

export class Member {
  readonly name: string;
  readonly roomId: string;
  readonly receipted: Receipted[] = [];
  /** What is wrong with what it has heard. */
  readonly breaches: string[] = [];
  /** When each of its connections was lost, by performance.now(). */
  readonly losses: number[] = [];
  readonly #client: ChatClient;
  #seq: number | null = null;
  #isOver = false;

  constructor({ gatewayUrl, token, name, roomId }: MemberOptions) {
    this.name = name;
    this.roomId = roomId;
    const tokens = {
      accessToken: async () => token,
      freshForMs: () => Number.POSITIVE_INFINITY,
      dropAccessToken: () => this.breaches.push(`${name}: the token was refused`),
    };
    const rest = new RestClient({ gatewayUrl, tokens });
    this.#client = new ChatClient({ gatewayUrl, tokens, rest });
    let before = this.#client.status.state;
    this.#client.onStatus(({ state }) => {
      // A try that failed is no connection lost.
      if (state === 'waiting' && before === 'connected') this.losses.push(performance.now());
      before = state;
    });
  }

  get isConnected(): boolean {
    return this.#client.status.state === 'connected';
  }

  /** The last seq that it has heard. */
  get seq(): number {
    return this.#seq ?? 0;
  }

  /** Connects and follows the room; resolves when all of it up to now has come. */
  enter(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.subscribeRoom(this.roomId, {
        onRoom: ({ head }) => {
          this.#seq = head;
        },
        onEntry: ({ seq }) => {
          if (seq !== this.seq + 1) this.breaches.push(`${this.name}: seq ${seq} came after ${this.seq}`);
          this.#seq = seq;
        },
        onReady: () => resolve(),
        onReset: () => this.breaches.push(`${this.name}: reset`),
        onRefused: (code) => reject(new Error(code)),
        onEnded: () => this.breaches.push(`${this.name}: ended`),
      });
      this.#client.connect();
    });
  }

  /** Resolves when it was told to stop and all has its RECEIPT. */
  async write(): Promise<void> {
    for (let n = 0; !this.#isOver; n += AT_ONCE) {
      const contents = Array.from({ length: AT_ONCE }, (_, index) => `${this.name} ${n + index}`);
      const sent = await Promise.all(
        contents.map((content) => this.#client.sendMessage(this.roomId, content)),
      );
      for (const [index, each] of sent.entries()) {
        this.receipted.push({ ...each, content: contents[index] ?? '' });
      }
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
