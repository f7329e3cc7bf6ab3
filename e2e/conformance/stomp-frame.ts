// STOMP frames as the suite reads them: strictly, by the grammar of the session's version, and from nothing but the specification.
import { Unmet } from './unmet.ts';

export type Version = '1.0' | '1.1' | '1.2';

export type Frame = {
  readonly command: string;
  /** In their order, with repetitions. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** As it came, the NUL included. */
  readonly octets: Buffer;
};

/** The first entry counts (STOMP 1.2 §Repeated Header Entries). */
export function header({ headers }: Frame, name: string): string | undefined {
  return headers.find(([found]) => found === name)?.[1];
}

export type Headers = Readonly<Record<string, string>>;

/** Nothing is escaped: headers are written as given. */
export function encode(command: string, headers: Headers, body: string | Buffer = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.from([0])]);
}

const ESCAPES: Readonly<Record<Version, ReadonlyMap<string, string>>> = {
  '1.0': new Map(),
  '1.1': new Map([
    ['\\n', '\n'],
    ['\\c', ':'],
    ['\\\\', '\\'],
  ]),
  '1.2': new Map([
    ['\\r', '\r'],
    ['\\n', '\n'],
    ['\\c', ':'],
    ['\\\\', '\\'],
  ]),
};

export function encodeValue(text: string, version: Version): string {
  const pairs = [...ESCAPES[version]].map(([escaped, plain]) => [plain, escaped] as const);
  const table = new Map(pairs);
  return text.replaceAll(/[\r\n:\\]/g, (octet) => table.get(octet) ?? octet);
}

function decodeValue(text: string, version: Version): string {
  if (version === '1.0') return text;
  return text.replaceAll(/\\(?:[\s\S]|$)/g, (escaped) => {
    const plain = ESCAPES[version].get(escaped);
    if (plain === undefined) throw new Unmet(`the undefined escape ${escaped} in a frame of the server`);
    return plain;
  });
}

const LF = 0x0a;
const CR = 0x0d;

/** Octets → frames and heart-beats. The version is told when CONNECTED has come; before it nothing is unescaped. */
export class FrameReader {
  version: Version | null = null;
  #buffered: Buffer = Buffer.alloc(0);

  /** @throws Unmet for what is no frame. */
  push(octets: Buffer): (Frame | 'heart-beat')[] {
    this.#buffered = this.#buffered.length === 0 ? octets : Buffer.concat([this.#buffered, octets]);
    const taken: (Frame | 'heart-beat')[] = [];
    for (;;) {
      const next = this.#take();
      if (next === undefined) return taken;
      taken.push(next);
    }
  }

  #take(): Frame | 'heart-beat' | undefined {
    const octets = this.#buffered;
    if (octets.length === 0) return undefined;
    if (octets[0] === LF || (octets[0] === CR && octets[1] === LF)) {
      this.#buffered = octets.subarray(octets[0] === LF ? 1 : 2);
      return 'heart-beat';
    }
    const end = endOfHead(octets, this.version);
    if (end === undefined) return undefined;
    const [command = '', ...lines] = linesOf(octets.subarray(0, end.head), this.version);
    const headers = lines.map((line) => this.#header(line, command));
    const length = headers.find(([name]) => name === 'content-length')?.[1];
    if (length !== undefined && !/^\d+$/.test(length)) throw new Unmet(`content-length:${length} came`);
    const nul = length === undefined ? octets.indexOf(0, end.body) : end.body + Number(length);
    if (nul < 0 || nul >= octets.length) return undefined;
    if (octets[nul] !== 0) throw new Unmet(`content-length of a ${command} does not lead to its NUL`);
    this.#buffered = octets.subarray(nul + 1);
    return { command, headers, body: octets.subarray(end.body, nul), octets: octets.subarray(0, nul + 1) };
  }

  #header(line: string, command: string): readonly [string, string] {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Unmet(`the header line ${JSON.stringify(line)} in a ${command}`);
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1)];
    // STOMP 1.2 §Value Encoding: CONNECTED is not escaped, to remain compatible with 1.0.
    if (command === 'CONNECTED' || this.version === null || this.version === '1.0') return [name, value];
    if (value.includes(':')) throw new Unmet(`an unescaped colon in ${JSON.stringify(line)} of a ${command}`);
    return [decodeValue(name, this.version), decodeValue(value, this.version)];
  }
}

/** Only 1.2 knows CR LF; in 1.0 and 1.1 a CR is part of the line. Before CONNECTED nobody knows. */
const knowsCrLf = (version: Version | null): boolean => version === null || version === '1.2';

function linesOf(head: Buffer, version: Version | null): string[] {
  return head.toString('utf8').split(knowsCrLf(version) ? /\r?\n/ : '\n');
}

/** Where the last header line ends, and where the body begins. */
function endOfHead(octets: Buffer, version: Version | null): { head: number; body: number } | undefined {
  const crLf = knowsCrLf(version);
  for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
    const next = crLf && octets[at + 1] === CR ? at + 2 : at + 1;
    if (octets[next] === LF) return { head: crLf && octets[at - 1] === CR ? at - 1 : at, body: next + 1 };
  }
  return undefined;
}
