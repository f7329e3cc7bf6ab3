// The head of an upstream's answer to an upgrade request, read with a bound.

export type UpgradeAnswer = {
  readonly status: number;
  /** The head as it came, but for `Access-Control-*`, and in a refusal with `Connection: close`. */
  readonly head: Buffer;
  /** Octets of the body where the head tells them: a refusal's end. */
  readonly contentLength: number | undefined;
  /** Whether it says when to come back, as a service that is there and has enough to do. */
  readonly saysWhen: boolean;
  /** What followed the head. */
  readonly rest: Buffer;
};

const END_OF_HEAD = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/;
const CORS_LINE = /^access-control-/i;
const CONNECTION_LINE = /^(?:connection|keep-alive) *:/i;

/** `undefined` while the head is not whole. Throws when it is none, or longer than `maxOctets`. */
export function readUpgradeAnswer(received: Buffer, maxOctets: number): UpgradeAnswer | undefined {
  const end = received.indexOf(END_OF_HEAD);
  const octets = end === -1 ? received.length : end + END_OF_HEAD.length;
  if (octets > maxOctets) throw new Error(`The head of the answer is longer than ${maxOctets} octets`);
  if (end === -1) return undefined;
  const rest = received.subarray(octets);
  const [statusLine = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error('The answer is not HTTP/1.1');
  // An interim answer (RFC 9110 §15.2) precedes the one that counts.
  if (status < 200 && status !== 101) return readUpgradeAnswer(rest, maxOctets);
  const kept = lines.filter((line) => !CORS_LINE.test(line));
  const said =
    status === 101 ? kept : [...kept.filter((line) => !CONNECTION_LINE.test(line)), 'Connection: close'];
  const length = lines.map((line) => /^content-length: *(\d+) *$/i.exec(line)?.[1]).find(Boolean);
  return {
    status,
    head: Buffer.from([statusLine, ...said].join('\r\n') + END_OF_HEAD, 'latin1'),
    saysWhen: lines.some((line) => /^retry-after:/i.test(line)),
    contentLength: length === undefined ? undefined : Number(length),
    rest,
  };
}
