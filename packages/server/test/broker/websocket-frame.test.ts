// The WebSocket frames we build ourselves, octet for octet against those of ws's own sender.
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import { joinFrames } from '../../src/broker/message-frame.ts';
import { encodeDataFrame, frameHeadLength, OPCODES } from '../../src/broker/websocket-frame.ts';

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000];
const TEXT_OPCODE = 1;

// ws has it, its types don't.
const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } };

function frameOfWs(payload: Buffer): Buffer {
  const options = { fin: true, rsv1: false, opcode: TEXT_OPCODE, mask: false, readOnly: true };
  return Buffer.concat(Sender.frame(payload, options));
}

describe('WebSocket frames', () => {
  test.each(SIZES)('a payload of %i octets is framed as ws frames it', (size) => {
    const payload = Buffer.alloc(size, 'a');
    expect(encodeDataFrame(payload, OPCODES.text).equals(frameOfWs(payload))).toBe(true);
    expect(frameHeadLength(size) + size).toBe(frameOfWs(payload).length);
  });

  test.each([0, 1, 118, 119, 120, 65_528, 65_529, 65_530])(
    'several MESSAGEs joined, the second of %i octets more, are the frames of ws one after the other',
    (size) => {
      const head = Buffer.from('MESSAGE\n');
      const tails = [Buffer.from('first\0'), Buffer.alloc(size, 'x'), Buffer.from('마루\0')];
      const expected = tails.map((tail) => frameOfWs(Buffer.concat([head, tail])));
      expect(joinFrames(head, tails, OPCODES.text).equals(Buffer.concat(expected))).toBe(true);
    },
  );
});
