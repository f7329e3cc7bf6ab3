// CONNECT and STOMP: who is it, by which version and with which heart-beats (STOMP 1.2 §CONNECT or STOMP Frame).
import { MaruError } from '@maru/contract';
import {
  encodeFrame,
  type FrameHeaders,
  type HeartBeat,
  NO_HEART_BEAT,
  negotiateHeartBeat,
  parseHeartBeat,
} from '@maru/stomp';
import { bearerToken } from '../../http/bearer.ts';
import type { ClientFrame, Session } from '../session.ts';
import { type Answer, blocking, type Pending } from './command.ts';

export function connect(session: Session, frame: ClientFrame): Pending {
  return blocking(identify(session, frame));
}

async function identify(session: Session, { headers }: ClientFrame): Promise<Answer> {
  const { version, services } = session;
  if (session.principal !== null) throw new MaruError('already-connected');
  if (version === undefined) throw new MaruError('unsupported-version');
  // STOMP 1.0 has no heart-beats; a header of that name means nothing there.
  const theirs = version === '1.0' ? NO_HEART_BEAT : heartBeatOf(headers);
  const { heartBeatMs } = services.timing;
  const ours: HeartBeat = { outgoing: heartBeatMs, incoming: heartBeatMs };

  const passcode = services.takesPasscode ? headers.get('passcode') : undefined;
  const principal = await services.verify(tokenOf(headers) ?? passcode ?? session.handshakeToken ?? '');
  await services.people.enter(principal);

  session.connected(principal, negotiateHeartBeat(theirs, ours));
  const answer: [string, string][] = [
    ['version', version],
    ['session', session.id],
    ['server', 'maru'],
    ['user-name', principal.subject],
    ['heart-beat', version === '1.0' ? '0,0' : `${heartBeatMs},${heartBeatMs}`],
  ];
  return { frame: encodeFrame({ command: 'CONNECTED', headers: answer }, version) };
}

/** `undefined`: no such header, the token of the handshake counts. */
function tokenOf(headers: FrameHeaders): string | undefined {
  const value = headers.get('Authorization') ?? headers.get('authorization');
  if (value === undefined) return undefined;
  const token = bearerToken(value);
  if (token === undefined) throw new MaruError('token-invalid');
  return token;
}

function heartBeatOf(headers: FrameHeaders): HeartBeat {
  try {
    return parseHeartBeat(headers.get('heart-beat'));
  } catch (cause) {
    throw new MaruError('invalid-header', {
      message: 'heart-beat must be two non-negative integers and a comma',
      cause,
    });
  }
}
