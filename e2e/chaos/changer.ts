// Somebody who writes messages and then changes them, step by step: edits, reactions, deletion.
import { APPLICATION_DESTINATIONS } from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import type { Random } from '../../packages/stomp/test/fuzz-random.ts';
import type { ConnectionOptions } from './kept-connection.ts';
import { contentOf, type Lane } from './lane.ts';
import { Outbox } from './outbox.ts';
import type { Change, Script } from './script.ts';
import type { Watch } from './watch.ts';
import { placeOf } from './writer.ts';

const EMOJI = ['👍', '🎉', '👩‍👩‍👧', '🇰🇷'] as const;
/** Most edits and reactions of one message. */
const MOST_CHANGES = 6;
/** One message in so many is deleted in the end. */
const DELETED = 3;

const DESTINATIONS = {
  'message.edited': APPLICATION_DESTINATIONS.editMessage,
  'message.deleted': APPLICATION_DESTINATIONS.deleteMessage,
  'reaction.added': APPLICATION_DESTINATIONS.reactToMessage,
  'reaction.removed': APPLICATION_DESTINATIONS.reactToMessage,
} as const satisfies Record<Change['type'], string>;

export class Changer {
  readonly outbox: Outbox;
  readonly #roomId: string;
  readonly #lane: Lane;
  readonly #script: Script;
  readonly #random: Random;
  #isOver = false;

  constructor(
    options: ConnectionOptions & { roomId: string; lane: Lane; script: Script; random: Random },
    watch: Watch,
  ) {
    this.#roomId = options.roomId;
    this.#lane = options.lane;
    this.#script = options.script;
    this.#random = options.random;
    this.outbox = new Outbox(options, watch);
  }

  /** Resolves when it was told to stop and the last step has its RECEIPT. */
  async change(): Promise<void> {
    while (!this.#isOver) await this.#changeOne();
  }

  stop(): void {
    this.#isOver = true;
  }

  async #changeOne(): Promise<void> {
    const [clientMessageId = ''] = this.#lane.next();
    const content = contentOf(clientMessageId);
    const receipt = await this.outbox.send(APPLICATION_DESTINATIONS.sendMessage, {
      roomId: this.#roomId,
      content,
      clientMessageId,
    });
    const place = placeOf(receipt);
    this.#lane.receipted(clientMessageId, place);
    const { messageId } = place;
    const reactions = new Set<string>();
    const changes = this.#random.below(MOST_CHANGES + 1);
    for (let n = 1; n <= changes && !this.#isOver; n += 1) {
      if (this.#random.once(2)) {
        await this.#step({ type: 'message.edited', messageId, content: `${content} (edit ${n})` });
      } else {
        const emoji = this.#random.pick(EMOJI);
        const isThere = reactions.delete(emoji);
        if (!isThere) reactions.add(emoji);
        await this.#step({ type: isThere ? 'reaction.removed' : 'reaction.added', messageId, emoji });
      }
    }
    if (this.#random.once(DELETED)) await this.#step({ type: 'message.deleted', messageId });
  }

  async #step(change: Change): Promise<void> {
    const n = this.#script.ask(change);
    const { type, ...body } = change;
    const receipt = await this.outbox.send(DESTINATIONS[type], {
      roomId: this.#roomId,
      ...body,
      ...(type === 'reaction.removed' ? { remove: true } : {}),
    });
    this.#script.places.receipted(n, changePlaceOf(receipt));
  }
}

/** A reaction taken away once more finds no entry that took it away: its RECEIPT names none. */
function changePlaceOf(receipt: StompHeaders) {
  return receipt.seq === undefined ? null : placeOf(receipt);
}
