// Somebody who leaves a room and joins it again, over and over, and still hears one stream without a hole.
import type { Random } from '../../packages/stomp/test/fuzz-random.ts';
import { type ConnectionOptions, type ConnectionOwner, KeptConnection } from './kept-connection.ts';
import { entryOf, type Heard, Stream } from './stream.ts';
import type { UntilAnswered } from './until-answered.ts';
import type { Watch } from './watch.ts';

/** Entries that it hears at least, or lets pass, before it leaves or comes again. */
const MOST_ENTRIES = 60;

/**
 * States: *member* (listens) → *leaving* (asked to; a subscription of before goes on until its own `member.left`, a new one is
 * not begun) → *away* (nothing may come) → *member*.
 */
export class Guest implements ConnectionOwner {
  readonly connection: KeptConnection;
  readonly calls: UntilAnswered;
  readonly stream: Stream;
  readonly #watch: Watch;
  readonly #random: Random;
  readonly #userId: string;
  readonly #members: string;
  #state: 'member' | 'leaving' | 'away' = 'member';
  #isOver = false;
  #leaves = 0;
  /** The own `member.left`s in the stream; those of earlier times come when it reads on from before them. */
  #heardLeaving = 0;
  /** Of a leave: its `member.left` has been heard, or whatever was subscribed before it is no more. */
  #gone = Promise.withResolvers<void>();

  constructor(
    options: ConnectionOptions & {
      readonly roomId: string;
      readonly userId: string;
      readonly calls: UntilAnswered;
      readonly random: Random;
    },
    watch: Watch,
  ) {
    const { name, roomId } = options;
    this.#members = `/api/rooms/${roomId}/members`;
    this.calls = options.calls;
    this.#watch = watch;
    this.#random = options.random;
    this.#userId = options.userId;
    this.stream = new Stream({ roomId, name, ack: 'auto', onHeard: (heard) => this.#hear(heard) }, watch);
    this.connection = new KeptConnection(options, watch, this);
  }

  get story(): string {
    return `${this.stream.story}, ${this.#state}, ${this.connection.story}, ${this.calls.story}`;
  }

  /** Resolves when it was told to stop; it is a member then. Others must go on writing until that. */
  async comeAndGo(): Promise<void> {
    while (!this.#isOver) {
      await this.stream.reached(this.stream.seq + 1 + this.#random.below(MOST_ENTRIES));
      await this.#leave();
      await this.#watch.receipts.more(this.#random.below(MOST_ENTRIES));
      await this.#join();
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  onConnect(): void {
    if (this.#state === 'member') this.stream.listen(this.connection);
    else this.#gone.resolve();
  }

  onReceipt(id: string): void {
    this.#watch.breach(`${this.connection.name}: a RECEIPT ${id} it has not asked for`);
  }

  /** A SUBSCRIBE may come too late: after it has left. */
  expects(code: string): boolean {
    return code === 'not-a-member' && this.#state !== 'member';
  }

  async #leave(): Promise<void> {
    this.#leaves += 1;
    this.#gone = Promise.withResolvers<void>();
    this.#state = 'leaving';
    const { status, text } = await this.calls.call({ line: `DELETE ${this.#members}/${this.#userId}` });
    // Asked for once more it may be no member any more.
    if (status >= 300 && this.calls.attempts === 1) this.#watch.breach(`leaving: ${status} ${text}`);
    this.#state = 'away';
    await this.#gone.promise;
    this.stream.end(this.connection);
  }

  async #join(): Promise<void> {
    const { status, text } = await this.calls.call({ line: `POST ${this.#members}` });
    if (status >= 300) this.#watch.breach(`joining: ${status} ${text}`);
    this.#state = 'member';
    if (this.connection.isConnected) this.stream.listen(this.connection);
  }

  #hear(heard: Heard): void {
    if (!heard.body.includes('"member.left"')) return;
    const entry = entryOf(heard);
    if (entry.type !== 'member.left' || entry.userId !== this.#userId) return;
    this.#heardLeaving += 1;
    if (this.#heardLeaving === this.#leaves) this.#gone.resolve();
  }
}
