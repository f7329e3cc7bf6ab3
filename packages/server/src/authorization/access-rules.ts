// The access rules of the contract: which frames a session may send where. First match wins; what no rule names is denied.
import { MaruError } from '@maru/contract';
import type { ClientCommand } from '@maru/stomp';
import type { Principal } from '../identity/principal.ts';

/** The authority every ordinary person has. */
export const ROLE_GENERAL = 'ROLE_GENERAL';

type Needs = 'nothing' | 'authentication' | typeof ROLE_GENERAL;

type AccessRule = {
  /** Absent: every command. */
  readonly commands?: readonly ClientCommand[];
  /** `none`: frames without a destination; else what the destination begins with. Absent: with or without. */
  readonly destination?: 'none' | readonly string[];
  readonly needs: Needs;
};

const ACCESS_RULES: readonly AccessRule[] = [
  { commands: ['CONNECT', 'STOMP', 'DISCONNECT'], needs: 'nothing' },
  { destination: 'none', needs: 'authentication' },
  { commands: ['SEND'], destination: ['/pub/'], needs: ROLE_GENERAL },
  { commands: ['SUBSCRIBE'], destination: ['/topic/', '/user/queue/'], needs: ROLE_GENERAL },
];

/** SEND to a broker destination of a team's own that takes them: its rule decides next. */
const OWN_TOPIC: AccessRule = { commands: ['SEND'], needs: ROLE_GENERAL };

/**
 * @param destination the frame's first `destination` header, the same string that is routed afterwards.
 * @param takesSend whether a broker destination of a team's own may be sent to at all.
 * @throws MaruError `access-denied`; `not-connected` where a rule needs somebody and there is nobody.
 */
export function authorize(
  command: ClientCommand,
  destination: string | undefined,
  principal: Principal | null,
  takesSend: (destination: string) => boolean = () => false,
): void {
  const rule =
    ACCESS_RULES.find((candidate) => matches(candidate, command, destination)) ??
    (command === 'SEND' && destination !== undefined && takesSend(destination) ? OWN_TOPIC : undefined);
  if (rule?.needs === 'nothing') return;
  if (principal === null) throw new MaruError('not-connected');
  if (rule === undefined) throw new MaruError('access-denied');
  if (rule.needs === 'authentication') return;
  if (!principal.roles.includes(rule.needs)) throw new MaruError('access-denied');
}

function matches(rule: AccessRule, command: ClientCommand, destination: string | undefined): boolean {
  if (rule.commands !== undefined && !rule.commands.includes(command)) return false;
  if (rule.destination === undefined) return true;
  if (rule.destination === 'none') return destination === undefined;
  return destination !== undefined && rule.destination.some((prefix) => destination.startsWith(prefix));
}
