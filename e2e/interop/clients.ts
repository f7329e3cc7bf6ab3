// The clients that chat with Maru, and what the API of each leaves out.
import type { Connect } from './dialogue.ts';
import type { RuntimeName } from './runtimes.ts';

/** What a library's API does not have; the server is not asked for it. */
export type Lack =
  /** A RECEIPT settles a call, its headers are not shown. */
  | 'receipt headers'
  /** No receipt can be asked for there. */
  | 'receipt of SUBSCRIBE'
  | 'receipt of UNSUBSCRIBE'
  | 'receipt of COMMIT'
  | 'transactions'
  /** STOMP 1.0 has none. */
  | 'heart-beats';

type Library = {
  readonly runtime: RuntimeName;
  /** As its runtime knows it. */
  readonly program: string;
  readonly lacks: readonly Lack[];
};

const LIBRARIES = {
  '@stomp/stompjs': { runtime: 'javascript', program: 'stompjs.ts', lacks: ['receipt of COMMIT'] },
  '@stomp/rx-stomp': { runtime: 'javascript', program: 'rx-stomp.ts', lacks: ['receipt of COMMIT'] },
  'webstomp-client': { runtime: 'javascript', program: 'webstomp-client.ts', lacks: ['receipt of COMMIT'] },
  'stomp.py': { runtime: 'python', program: 'client.py', lacks: [] },
  // A RECEIPT for a subscription ends it there, for it can only be UNSUBSCRIBE's.
  'go-stomp': { runtime: 'go', program: 'client', lacks: ['receipt headers', 'receipt of SUBSCRIBE'] },
  Spring: { runtime: 'java', program: 'Client', lacks: ['receipt of UNSUBSCRIBE', 'transactions'] },
} as const satisfies Record<string, Library>;

type Way = Omit<Connect, 'do' | 'url' | 'token' | 'heartBeatMs'>;

export type InteropClient = Library & { readonly name: string; readonly way: Way };

/** Each library, and the ways in which it can speak. */
const WAYS: readonly (readonly [keyof typeof LIBRARIES, string, Way])[] = [
  ['@stomp/stompjs', 'STOMP 1.0', { version: '1.0' }],
  ['@stomp/stompjs', 'STOMP 1.1', { version: '1.1' }],
  ['@stomp/stompjs', 'STOMP 1.2', { version: '1.2' }],
  ['@stomp/stompjs', 'binary', { version: '1.2', binary: true }],
  ['@stomp/stompjs', 'large frames split', { version: '1.2', splitLargeFrames: true }],
  ['@stomp/rx-stomp', 'STOMP 1.2', { version: '1.2' }],
  ['webstomp-client', 'STOMP 1.0', { version: '1.0' }],
  ['webstomp-client', 'STOMP 1.1', { version: '1.1' }],
  ['webstomp-client', 'STOMP 1.2', { version: '1.2' }],
  ['webstomp-client', 'binary', { version: '1.2', binary: true }],
  ['stomp.py', 'STOMP 1.2', { version: '1.2' }],
  ['stomp.py', 'binary', { version: '1.2', binary: true }],
  ['go-stomp', 'STOMP 1.0', { version: '1.0' }],
  ['go-stomp', 'STOMP 1.1', { version: '1.1' }],
  ['go-stomp', 'STOMP 1.2', { version: '1.2' }],
  ['go-stomp', 'binary, frames in pieces', { version: '1.2', binary: true }],
  ['Spring', 'STOMP 1.2', { version: '1.2' }],
  ['Spring', 'large frames split', { version: '1.2', splitLargeFrames: true }],
];

export const CLIENTS: readonly InteropClient[] = WAYS.map(([name, way, options]) => {
  const { runtime, program, lacks } = LIBRARIES[name];
  const more: readonly Lack[] = options.version === '1.0' ? ['heart-beats'] : [];
  return { name: `${name} (${way})`, runtime, program, lacks: [...lacks, ...more], way: options };
});
