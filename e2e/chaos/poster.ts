// A bot that writes to a room by REST, one message after the other, each with an Idempotency-Key, until it is stored.
import type { MessageCreated } from '@maru/contract';
import { contentOf, type Lane } from './lane.ts';
import type { UntilAnswered } from './until-answered.ts';
import type { Watch } from './watch.ts';

export class Poster {
  readonly calls: UntilAnswered;
  readonly #roomId: string;
  readonly #lane: Lane;
  readonly #watch: Watch;
  #isOver = false;

  constructor(options: { calls: UntilAnswered; roomId: string; lane: Lane }, watch: Watch) {
    this.calls = options.calls;
    this.#roomId = options.roomId;
    this.#lane = options.lane;
    this.#watch = watch;
  }

  /** Resolves when it was told to stop and the last is answered. */
  async write(): Promise<void> {
    while (!this.#isOver) await this.#post();
  }

  stop(): void {
    this.#isOver = true;
  }

  async #post(): Promise<void> {
    const [id = ''] = this.#lane.next();
    const { status, text } = await this.calls.call({
      line: `POST /api/rooms/${this.#roomId}/messages`,
      headers: { 'idempotency-key': id },
      body: { content: contentOf(id) },
    });
    if (status >= 300) return this.#watch.breach(`POST ${id} was answered ${status}: ${text}`);
    // 200 is the answer for what was stored before; of a first attempt nothing was.
    if (status === 200 && this.calls.attempts === 1)
      this.#watch.breach(`POST ${id}: 200 at the first attempt`);
    const { messageId, seq } = JSON.parse(text) as MessageCreated;
    this.#watch.receipts.add();
    this.#lane.receipted(id, { messageId, seq });
  }
}
