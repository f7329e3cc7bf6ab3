// How many frames does the decoder read in a second of one CPU? Run: node bench/stomp-decode.ts
// CPU time and not the clock, so that other work on the machine does not count; the collector's threads do.
import { cpus } from 'node:os';
import { DEFAULT_FRAME_LIMITS, FrameDecoder } from '../packages/stomp/src/index.ts';

const CHUNK_OCTETS = 64 * 1024;
const ROUND_MS = 400;
const ROUNDS = 7;
const encoder = new TextEncoder();

const send = (body: string) => {
  const octets = encoder.encode(body).length;
  return `SEND\ndestination:/pub/send/message\ncontent-type:application/json\ncontent-length:${octets}\n\n${body}\0`;
};

const FRAMES = {
  'SEND 180 octets': () =>
    send('{"roomId":"r-7Hq2mZ","content":"hello there, how are you today?","clientMessageId":"0001-abcd"}'),
  'SUBSCRIBE 62 octets': () => 'SUBSCRIBE\nid:sub-0\ndestination:/topic/chat/room/01\nack:auto\n\n\0',
  'SEND, UTF-8 body': () =>
    send('{"roomId":"r-7Hq2mZ","content":"안녕하세요, 오늘 기분이 어떠세요? 😀","clientMessageId":"0001"}'),
  // One line of each head was never seen before: strings have to be made.
  'SEND, distinct receipts': (n: number) =>
    send('{"roomId":"r-7Hq2mZ","content":"hello there, how are you today?"}').replace(
      '\ncontent-type',
      `\nreceipt:message-${n}\ncontent-type`,
    ),
};

function chunkOf(frame: (n: number) => string): { chunk: Uint8Array; frames: number; octets: number } {
  const octets = encoder.encode(frame(0)).length;
  const frames = Math.floor(CHUNK_OCTETS / octets);
  const text = Array.from({ length: frames }, (_, n) => frame(n)).join('');
  return { chunk: encoder.encode(text), frames, octets };
}

/** Million frames a CPU second, once. Checks that each frame came out, with its first header. */
function round(chunk: Uint8Array, frames: number): number {
  let read = 0;
  let bodies = 0;
  const decoder = new FrameDecoder({
    limits: DEFAULT_FRAME_LIMITS,
    onFrame: (frame) => {
      if (frame.headers.get('destination') !== undefined) read++;
      bodies += frame.body.length;
    },
  });
  decoder.version = '1.2';
  let pushed = 0;
  const end = performance.now() + ROUND_MS;
  const before = process.cpuUsage();
  while (performance.now() < end) {
    for (let i = 0; i < 20; i++) decoder.push(chunk);
    pushed += 20;
  }
  const { user, system } = process.cpuUsage(before);
  if (read !== pushed * frames || Number.isNaN(bodies))
    throw new Error(`${read} of ${pushed * frames} frames`);
  return read / (user + system);
}

console.log(`${cpus()[0]?.model} × ${cpus().length}, Node ${process.version}; median of ${ROUNDS} rounds`);
for (const [name, frame] of Object.entries(FRAMES)) {
  const { chunk, frames, octets } = chunkOf(frame);
  round(chunk, frames); // Warms up.
  const rates = Array.from({ length: ROUNDS }, () => round(chunk, frames)).sort((a, b) => a - b);
  const median = rates[Math.floor(ROUNDS / 2)] ?? 0;
  console.log(
    `${name} (${octets} octets): ${median.toFixed(2)} M frames/s, best ${rates.at(-1)?.toFixed(2)}`,
  );
}
