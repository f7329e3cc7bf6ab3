// Unmasked, unfragmented WebSocket data frames as a server sends them (RFC 6455 §5.2).
import { isUtf8 } from 'node:buffer';

/** The first octet of a frame: FIN and the opcode. */
export const OPCODES = { text: 0x81, binary: 0x82 } as const;
export type Opcode = (typeof OPCODES)[keyof typeof OPCODES];

/** What can't go as text goes as binary, whatever the receiver prefers. */
export function binaryIfEither(one: Opcode, other: Opcode): Opcode {
  return one === OPCODES.binary ? one : other;
}

/** A text frame must be valid UTF-8 (RFC 6455 §8.1); any other octets go in a binary one. */
export function opcodeFor(payload: Uint8Array): Opcode {
  return isUtf8(payload) ? OPCODES.text : OPCODES.binary;
}

/** Octets before the payload: 2, or 4 or 10 with an extended length, always the shortest form. */
export function frameHeadLength(payloadLength: number): 2 | 4 | 10 {
  if (payloadLength < 126) return 2;
  return payloadLength < 65_536 ? 4 : 10;
}

/** Writes the opcode and the length at `at`; @returns where the payload begins. */
export function writeFrameHead(target: Buffer, at: number, payloadLength: number, opcode: Opcode): number {
  target[at] = opcode;
  if (payloadLength < 126) {
    target[at + 1] = payloadLength;
    return at + 2;
  }
  if (payloadLength < 65_536) {
    target[at + 1] = 126;
    target.writeUInt16BE(payloadLength, at + 2);
    return at + 4;
  }
  target[at + 1] = 127;
  target.writeUInt32BE(0, at + 2);
  target.writeUInt32BE(payloadLength, at + 6);
  return at + 10;
}

/** One payload in one frame; in a text frame it must be valid UTF-8. */
export function encodeDataFrame(payload: Uint8Array, opcode: Opcode): Buffer {
  const headLength = frameHeadLength(payload.length);
  const frame = Buffer.allocUnsafe(headLength + payload.length);
  writeFrameHead(frame, 0, payload.length, opcode);
  frame.set(payload, headLength);
  return frame;
}

/** The answer to a Ping, with the same data (RFC 6455 §5.5.3): at most 125 octets. */
export function encodePong(data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(2 + data.length);
  frame[0] = 0x8a;
  frame[1] = data.length;
  frame.set(data, 2);
  return frame;
}
