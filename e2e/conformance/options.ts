// The command line of `npm run conformance`.
import { parseArgs } from 'node:util';
import { DEFAULTS, type Target } from './target.ts';

export const HELP = `npm run conformance -- --url ws://host:port/path [options]

Looks at a STOMP server from outside, by raw frames over a raw WebSocket, and says which requirements it meets.

  --url URL            ws:// or wss://
  --origin ORIGIN      the Origin of the upgrade request
  --token JWT          a bearer token, sent with the upgrade and in CONNECT
  --login NAME --passcode TEXT
  --host NAME          the host header of CONNECT                (${DEFAULTS.host})
  --destination D      where to SUBSCRIBE and SEND; {id} becomes a new name each time
                                                                 (${DEFAULTS.destination})
  --send-to D          where to SEND, if that is elsewhere; {id} is the same name
  --forbidden D        where nobody may SEND or SUBSCRIBE        (${DEFAULTS.forbidden})

  --only ROW           only this row (F01) or section (F); may be repeated
  --strict             SHOULD, MAY and the choices of Maru's own contract count as well
  --timeout MS         how long an answer may take               (${DEFAULTS.timeoutMs})
  --patience MS        how long the server's own deadlines may take; longer ones are not waited for
                                                                 (${DEFAULTS.patienceMs})
  --at-a-time N        checks that run side by side              (4)
  --json               the report as JSON, and nothing else
  --transcript         what went over the wire, below each check that is not met
  --write NAME         keep the report as e2e/conformance/results/NAME.json, and make docs/conformance.md anew
  --software TEXT      what was looked at, for that report: name, version, settings

Exit code: 0 if every MUST of STOMP is met (with --strict: every check), 1 if not, 2 if the command was wrong.
`;

export type Options = {
  readonly target: Target;
  readonly only: readonly string[];
  readonly strict: boolean;
  readonly atATime: number;
  readonly json: boolean;
  readonly transcript: boolean;
  readonly write: string | undefined;
  readonly software: string;
};

/** Something in the command line that has to be put right by whoever wrote it. */
export class UsageError extends Error {}

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  url: { type: 'string' },
  origin: { type: 'string' },
  token: { type: 'string' },
  login: { type: 'string' },
  passcode: { type: 'string' },
  host: { type: 'string' },
  destination: { type: 'string' },
  'send-to': { type: 'string' },
  forbidden: { type: 'string' },
  only: { type: 'string', multiple: true },
  strict: { type: 'boolean' },
  timeout: { type: 'string' },
  patience: { type: 'string' },
  'at-a-time': { type: 'string' },
  json: { type: 'boolean' },
  transcript: { type: 'boolean' },
  write: { type: 'string' },
  software: { type: 'string' },
} as const;

/** @returns `undefined` when help was asked for. @throws UsageError */
export function readOptions(args: readonly string[]): Options | undefined {
  const values = parse(args);
  if (values.help === true) return undefined;
  const { url, origin, token, login, passcode, write } = values;
  if (url === undefined) throw new UsageError('--url is missing');
  if (!/^wss?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new UsageError(`--url ${url}: it must begin with ws:// or wss://`);
  }
  if (write !== undefined && !/^[a-z0-9-]+$/.test(write)) {
    throw new UsageError(`--write ${write}: small letters, digits and - only`);
  }
  const destination = templateOf('destination', values.destination ?? DEFAULTS.destination);
  const sendTo = values['send-to'];
  return {
    target: {
      url,
      host: values.host ?? DEFAULTS.host,
      destination,
      forbidden: values.forbidden ?? DEFAULTS.forbidden,
      timeoutMs: numberOf('timeout', values.timeout, DEFAULTS.timeoutMs),
      patienceMs: numberOf('patience', values.patience, DEFAULTS.patienceMs),
      ...(origin === undefined ? {} : { origin }),
      ...(token === undefined ? {} : { token }),
      ...(login === undefined ? {} : { login }),
      ...(passcode === undefined ? {} : { passcode }),
      ...(sendTo === undefined ? {} : { sendTo: templateOf('send-to', sendTo) }),
    },
    only: values.only ?? [],
    strict: values.strict ?? false,
    atATime: numberOf('at-a-time', values['at-a-time'], 4),
    json: values.json ?? false,
    transcript: values.transcript ?? false,
    write,
    software: values.software ?? url,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function templateOf(name: string, template: string): string {
  if (!template.includes('{id}')) throw new UsageError(`--${name} ${template}: it must hold {id}`);
  return template;
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--${name} ${text}: it must be a whole number`);
  return Number(text);
}
