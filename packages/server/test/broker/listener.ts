// Somebody at the end of a subscription: takes the WebSocket frames a session would write, and reads the MESSAGEs in them.
import type { RoomEntry } from '@maru/contract';
import { DEFAULT_FRAME_LIMITS, type Frame, FrameDecoder } from '@maru/stomp';
import type { Outlet, Subscriber } from '../../src/broker/broker.ts';
import { CatchUpTurns, Pace } from '../../src/broker/catch-up-turns.ts';
import { OPCODES } from '../../src/broker/websocket-frame.ts';

export class Listener implements Outlet {
  readonly messages: Frame[] = [];
  readonly buffers: Buffer[] = [];
  readonly turns = new CatchUpTurns(new Pace());
  /** As a session that doesn't read. */
  isFull = false;
  ended = 0;
  readonly #decoder = new FrameDecoder({
    limits: { ...DEFAULT_FRAME_LIMITS, frameOctets: 1_048_576 },
    from: 'server',
    onFrame: (frame) => {
      this.messages.push(frame);
      for (const heard of this.#heard.splice(0)) heard();
    },
  });
  #heard: (() => void)[] = [];

  constructor() {
    this.#decoder.version = '1.2';
  }

  enqueue(frames: Buffer): void {
    this.buffers.push(frames);
    for (let at = 0; at < frames.length; ) {
      const [start, length] = payloadAt(frames, at);
      this.#decoder.push(frames.subarray(start, start + length));
      at = start + length;
    }
  }

  offer(frames: Buffer): void {
    if (!this.isFull) this.enqueue(frames);
  }

  get entries(): readonly RoomEntry[] {
    return this.messages.map(({ body }) => JSON.parse(Buffer.from(body).toString()));
  }

  get seqs(): readonly number[] {
    return this.messages.map(({ headers }) => Number(headers.get('seq')));
  }

  /** Resolves at the next message. */
  heard(): Promise<void> {
    return new Promise((resolve) => this.#heard.push(resolve));
  }

  /** This listener as a subscriber under a subscription id; no id as in STOMP 1.0. */
  as(userId: string, id?: string): Subscriber {
    return {
      userId,
      version: '1.2',
      opcode: OPCODES.text,
      window: null,
      headLine: id === undefined ? '' : `subscription:${id}\n`,
      outlet: this,
      onEnded: () => {
        this.ended += 1;
      },
      onFailed: (error) => {
        throw error;
      },
    };
  }
}

/** Where the payload of the unmasked text frame at `at` begins, and how long it is (RFC 6455 §5.2). */
function payloadAt(octets: Buffer, at: number): [start: number, length: number] {
  if (octets[at] !== 0x81) throw new Error('this is no whole text frame');
  const length = octets[at + 1] ?? 0;
  if (length < 126) return [at + 2, length];
  if (length === 126) return [at + 4, octets.readUInt16BE(at + 2)];
  return [at + 10, Number(octets.readBigUInt64BE(at + 2))];
}
