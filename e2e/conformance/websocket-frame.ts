// RFC 6455 framing by hand, of the client's side: what we send is masked, what comes is not.
import { randomBytes } from 'node:crypto';

export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export type WebSocketFrame = { readonly opcode: number; readonly final: boolean; readonly payload: Buffer };

/** A whole message in one frame. */
export function encodeWebSocketFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let at = 0; at < masked.length; at++) masked[at] = (masked[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return Buffer.concat([Buffer.from([0x80 | opcode]), lengthOf(payload.length), mask, masked]);
}

function lengthOf(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const field = Buffer.alloc(length < 65_536 ? 3 : 9);
  field[0] = 0x80 | (length < 65_536 ? 126 : 127);
  if (length < 65_536) field.writeUInt16BE(length, 1);
  else field.writeBigUInt64BE(BigInt(length), 1);
  return field;
}

/** What may be wrong with the server's framing. */
class WebSocketViolation extends Error {}

/** Octets → frames. States: *in a frame* until `buffered` has all of it, and again. */
export class WebSocketFrameReader {
  #buffered: Buffer = Buffer.alloc(0);

  push(octets: Buffer): WebSocketFrame[] {
    this.#buffered = this.#buffered.length === 0 ? octets : Buffer.concat([this.#buffered, octets]);
    const frames: WebSocketFrame[] = [];
    for (;;) {
      const frame = this.#take();
      if (frame === undefined) return frames;
      frames.push(frame);
    }
  }

  #take(): WebSocketFrame | undefined {
    const octets = this.#buffered;
    if (octets.length < 2) return undefined;
    const [first = 0, second = 0] = octets;
    if ((first & 0x70) !== 0) throw new WebSocketViolation('a reserved bit is set in a WebSocket frame');
    if ((second & 0x80) !== 0) throw new WebSocketViolation('the server masked a WebSocket frame');
    const short = second & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (octets.length < head) return undefined;
    const length =
      short < 126 ? short : short === 126 ? octets.readUInt16BE(2) : Number(octets.readBigUInt64BE(2));
    if (octets.length < head + length) return undefined;
    this.#buffered = octets.subarray(head + length);
    return {
      opcode: first & 0x0f,
      final: (first & 0x80) !== 0,
      payload: octets.subarray(head, head + length),
    };
  }
}
