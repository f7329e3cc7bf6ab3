// Somebody who reads rooms and does nothing else: comes back after every crash, and reads on where it was.
import { type ConnectionOptions, type ConnectionOwner, KeptConnection } from './kept-connection.ts';
import { type Acknowledging, Stream } from './stream.ts';
import type { Watch } from './watch.ts';

export class Reader implements ConnectionOwner {
  readonly connection: KeptConnection;
  readonly streams: readonly Stream[];
  readonly #watch: Watch;

  constructor(
    options: ConnectionOptions & { readonly roomIds: readonly string[]; readonly ack: Acknowledging },
    watch: Watch,
  ) {
    const { name, roomIds, ack } = options;
    this.#watch = watch;
    this.streams = roomIds.map((roomId) => new Stream({ roomId, name, ack }, watch));
    this.connection = new KeptConnection(options, watch, this);
  }

  onConnect(): void {
    for (const stream of this.streams) stream.listen(this.connection);
  }

  onReceipt(id: string): void {
    this.#watch.breach(`${this.connection.name}: a RECEIPT ${id} it has not asked for`);
  }
}
