// What comes in on one WebSocket: its octets, measured before ws sees them, and its messages, decoded into frames.
import type { Duplex } from 'node:stream';
import { isErrorCode, MaruError } from '@maru/contract';
import { FrameDecoder, FrameError, negotiateVersion, type Version } from '@maru/stomp';
import type { WebSocket } from 'ws';
import { OPCODES, type Opcode } from '../broker/websocket-frame.ts';
import type { Liveness } from './liveness.ts';
import type { Reading } from './reading.ts';
import type { ClientFrame } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { WebSocketMeter } from './websocket-meter.ts';

export type InboundEvents = {
  /** A frame, or what was wrong with the octets where the next one should have been. */
  readonly onItem: (item: ClientFrame | MaruError) => void;
  /** All items of what came are told. */
  readonly onRead: () => void;
};

/**
 * States: *reading* → *stopped* (`stop()`: no frame is told any more, octets are still measured) → *over* (`end()`:
 * nothing is looked at). Bounds: before the first frame is whole `limits.connectOctets`; then those of decoder and meter.
 */
export class Inbound {
  readonly #services: SessionServices;
  readonly #liveness: Liveness;
  readonly #reading: Reading;
  readonly #events: InboundEvents;
  readonly #meter = new WebSocketMeter();
  readonly #decoder: FrameDecoder;
  #isStopped = false;
  #isOver = false;
  #messages = 0;
  #frames = 0;
  /** Octets up to the end of the first frame, and what came with them. */
  #firstOctets = 0;
  #version: Version | undefined;
  #opcode: Opcode = OPCODES.text;

  constructor(
    services: SessionServices,
    parts: { readonly liveness: Liveness; readonly reading: Reading },
    events: InboundEvents,
  ) {
    this.#services = services;
    this.#liveness = parts.liveness;
    this.#reading = parts.reading;
    this.#events = events;
    this.#decoder = new FrameDecoder({
      limits: services.limits,
      memory: services.lines,
      onFrame: (frame) => this.#receive(frame),
    });
  }

  /** What the first frame negotiated. */
  get version(): Version | undefined {
    return this.#version;
  }

  /** As the client's first WebSocket message was: who writes in binary may not read text. */
  get opcode(): Opcode {
    return this.#opcode;
  }

  listen(webSocket: WebSocket, socket: Duplex): void {
    // Before ws, which unmasks a payload in its place and reports at once the messages that it ends.
    socket.prependListener('data', (chunk: Buffer) => this.#measure(chunk));
    webSocket.on('message', (data, isBinary) => this.#read(data as Buffer, isBinary));
  }

  stop(): void {
    this.#isStopped = true;
    this.#decoder.stop();
  }

  end(): void {
    this.#isOver = true;
    this.stop();
  }

  /** Sees each chunk before its messages come to `#read`. */
  #measure(chunk: Buffer): void {
    if (this.#isOver || this.#meter.refused) return;
    const before = this.#meter.finished;
    const framesBefore = this.#meter.frames;
    this.#meter.read(chunk);
    const { midMessage, finished, frames } = this.#meter;
    this.#reading.spend(frames - framesBefore, chunk.length);
    this.#liveness.heardMessage(midMessage, finished > before, this.#services.clock.now);
    // When ws has reported the good messages before it: they take effect, and the ERROR waits for their receipts.
    if (this.#meter.refused) queueMicrotask(() => this.#refuseLength());
  }

  #refuseLength(): void {
    if (this.#isOver) return;
    const message = 'The length of a WebSocket frame is not in its shortest form';
    this.#events.onItem(new MaruError('malformed-frame', { message }));
    this.#events.onRead();
  }

  #read(data: Buffer, isBinary: boolean): void {
    this.#messages += 1;
    if (this.#messages === 1 && isBinary) this.#opcode = OPCODES.binary;
    if (this.#meter.refused && this.#messages > this.#meter.messages) return;
    if (this.#isStopped) return;
    const before = this.#frames;
    try {
      this.#push(data);
    } catch (error) {
      this.#events.onItem(frameFailure(error));
    }
    const frames = this.#frames - before;
    this.#services.counts.framesReceived += frames;
    // The WebSocket frame that brought them was counted when it came.
    if (frames > 1) this.#reading.spend(frames - 1, 0);
    this.#liveness.heard(this.#decoder.midFrame, frames > 0, this.#services.clock.now);
    this.#events.onRead();
  }

  /** Whoever has said nothing yet has a budget of their own, however its octets are cut. */
  #push(data: Buffer): void {
    if (this.#frames > 0) return this.#decoder.push(data);
    const room = this.#services.limits.connectOctets - this.#firstOctets;
    this.#firstOctets += data.length;
    this.#decoder.push(data.subarray(0, room));
    if (data.length <= room) return;
    if (this.#frames === 0) throw new MaruError('frame-too-large');
    this.#decoder.push(data.subarray(room));
  }

  #receive(frame: ClientFrame): void {
    this.#frames += 1;
    // The frames behind a CONNECT may be in the same octets and are read by the rules of its version. The first frame
    // alone negotiates: a second CONNECT is refused and must not lend the first one its version.
    if (this.#frames === 1 && (frame.command === 'CONNECT' || frame.command === 'STOMP')) {
      this.#version = negotiateVersion(frame.headers.get('accept-version'));
      this.#decoder.version = this.#version;
    }
    const { command, headers, body } = frame;
    // A body is a view of all octets that came with it, and would keep those for as long as the frame waits for its answer.
    this.#events.onItem(body.length === 0 ? frame : { command, headers, body: Buffer.from(body) });
  }
}

function frameFailure(error: unknown): MaruError {
  if (error instanceof MaruError) return error;
  if (error instanceof FrameError && isErrorCode(error.code)) {
    return new MaruError(error.code, { message: error.message, cause: error });
  }
  return new MaruError('internal', { cause: error });
}
