// A client that reads by itself: what each of its subscriptions was sent, and what of that waits for an ACK.
import { EventEmitter, once } from 'node:events';
import { bodyOf, type RawClient, type ServerFrame } from './raw-client.ts';

export type AckMode = 'auto' | 'client' | 'client-individual';

/** One subscription to a room's log. */
export type Stream = {
  readonly id: string;
  readonly mode: AckMode;
  readonly prefetch: number;
  /** The head when it was made: what comes has greater seqs. */
  readonly head: number;
  /** The bodies, in the order in which they came. */
  readonly entries: Record<string, unknown>[];
  readonly waiting: ServerFrame[];
  /** Places that ACK and NACK have freed. */
  freed: number;
  /** Most that ever waited at a time. */
  most: number;
  state: 'open' | 'leaving' | 'closed';
};

export class AckingReader {
  readonly client: RawClient;
  readonly version: string;
  readonly streams = new Map<string, Stream>();
  /** Frames that nobody may send here. */
  readonly faults: string[] = [];
  readonly #receipts = new Map<string, ServerFrame>();
  /** Emits `frame` after each. */
  readonly #read = new EventEmitter();

  private constructor(client: RawClient, version: string) {
    this.client = client;
    this.version = version;
  }

  static start(client: RawClient, version: string): AckingReader {
    const reader = new AckingReader(client, version);
    const readAll = async () => {
      for (;;) reader.#receive(await client.next());
    };
    readAll().catch((error: Error) => {
      reader.faults.push(error.message);
      reader.#read.emit('frame');
    });
    return reader;
  }

  /** Resolves when `condition` holds; rejects with what went wrong when that comes first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.faults.length > 0) throw new Error(this.faults.join('; '));
      await once(this.#read, 'frame');
    }
  }

  async receipt(id: string): Promise<ServerFrame> {
    await this.until(() => this.#receipts.has(id));
    const frame = this.#receipts.get(id) as ServerFrame;
    this.#receipts.delete(id);
    return frame;
  }

  async subscribe(roomId: string, id: string, mode: AckMode, prefetch: number): Promise<Stream> {
    const receipt = `subscribe-${id}`;
    const window = mode === 'auto' ? {} : { ack: mode, prefetch: `${prefetch}` };
    this.client.send('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id, receipt, ...window });
    const head = Number((await this.receipt(receipt)).headers.get('seq'));
    const stream: Stream = {
      id,
      mode,
      prefetch: mode === 'auto' ? Number.POSITIVE_INFINITY : prefetch,
      head,
      entries: [],
      waiting: [],
      freed: 0,
      most: 0,
      state: 'open',
    };
    this.streams.set(id, stream);
    return stream;
  }

  /** Acknowledges the `index`th that waits, and in mode `client` those before it. */
  settle(stream: Stream, index: number, command: 'ACK' | 'NACK'): void {
    const message = stream.waiting[index] as ServerFrame;
    const first = stream.mode === 'client' ? 0 : index;
    stream.freed += stream.waiting.splice(first, index - first + 1).length;
    const { headers } = message;
    const messageId = headers.get('message-id') ?? '';
    this.client.send(
      command,
      this.version === '1.2'
        ? { id: headers.get('ack') ?? '' }
        : { subscription: stream.id, 'message-id': messageId },
    );
  }

  async unsubscribe(stream: Stream): Promise<void> {
    const receipt = `unsubscribe-${stream.id}`;
    stream.state = 'leaving';
    this.client.send('UNSUBSCRIBE', { id: stream.id, receipt });
    await this.receipt(receipt);
  }

  #receive(frame: ServerFrame): void {
    if (frame.command === 'MESSAGE') this.#message(frame);
    else if (frame.command === 'RECEIPT') this.#answered(frame);
    else this.faults.push(`${frame.command} ${JSON.stringify([...frame.headers])}`);
    this.#read.emit('frame');
  }

  #message(frame: ServerFrame): void {
    const stream = this.streams.get(frame.headers.get('subscription') ?? '');
    const body = bodyOf(frame);
    if (stream === undefined || stream.state === 'closed') {
      this.faults.push(`${JSON.stringify(body)} came to a subscription that is over`);
      return;
    }
    stream.entries.push(body);
    if (stream.mode === 'auto') return;
    stream.waiting.push(frame);
    stream.most = Math.max(stream.most, stream.waiting.length);
  }

  #answered(frame: ServerFrame): void {
    const id = frame.headers.get('receipt-id') ?? '';
    const stream = this.streams.get(id.replace('unsubscribe-', ''));
    if (stream !== undefined && id.startsWith('unsubscribe-')) stream.state = 'closed';
    this.#receipts.set(id, frame);
  }
}
