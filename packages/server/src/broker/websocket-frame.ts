// Unmasked, unfragmented WebSocket text frames as a server sends them (RFC 6455 §5.2).

/** Octets before the payload: 2, or 4 or 10 with an extended length, always the shortest form. */
export function textFrameHeadLength(payloadLength: number): 2 | 4 | 10 {
  if (payloadLength < 126) return 2;
  return payloadLength < 65_536 ? 4 : 10;
}

/** Writes FIN, opcode 1 and the length at `at`; @returns where the payload begins. */
export function writeTextFrameHead(target: Buffer, at: number, payloadLength: number): number {
  target[at] = 0x81;
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

/** One payload in one text frame; the payload must be valid UTF-8. */
export function encodeTextFrame(payload: Uint8Array): Buffer {
  const headLength = textFrameHeadLength(payload.length);
  const frame = Buffer.allocUnsafe(headLength + payload.length);
  writeTextFrameHead(frame, 0, payload.length);
  frame.set(payload, headLength);
  return frame;
}
