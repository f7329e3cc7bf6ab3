// The table of the contract, row by row: who may send which frame where.
import { type ClientCommand, COMMANDS } from '@maru/stomp';
import { describe, expect, test } from 'vitest';
import { authorize, ROLE_GENERAL } from '../../src/authorization/access-rules.ts';
import type { Principal } from '../../src/identity/principal.ts';

const WHO: Readonly<Record<'nobody' | 'person' | 'guest', Principal | null>> = {
  nobody: null,
  person: somebody([ROLE_GENERAL]),
  guest: somebody(['ROLE_GUEST']),
};

function somebody(roles: readonly string[]): Principal {
  return { userId: 'u', issuer: 'i', subject: 'u', name: 'U', roles, expiresAt: Number.MAX_SAFE_INTEGER };
}

function answer(command: ClientCommand, destination: string | undefined, who: keyof typeof WHO): string {
  try {
    authorize(command, destination, WHO[who]);
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

type Row = readonly [ClientCommand, string | undefined, nobody: string, person: string, guest: string];

const ROWS: readonly Row[] = [
  // 1 CONNECT, STOMP, DISCONNECT: anyone.
  ['CONNECT', undefined, 'allowed', 'allowed', 'allowed'],
  ['STOMP', undefined, 'allowed', 'allowed', 'allowed'],
  ['DISCONNECT', undefined, 'allowed', 'allowed', 'allowed'],
  // 2 other frames without destination: authenticated.
  ['UNSUBSCRIBE', undefined, 'not-connected', 'allowed', 'allowed'],
  ['ACK', undefined, 'not-connected', 'allowed', 'allowed'],
  ['NACK', undefined, 'not-connected', 'allowed', 'allowed'],
  ['BEGIN', undefined, 'not-connected', 'allowed', 'allowed'],
  ['COMMIT', undefined, 'not-connected', 'allowed', 'allowed'],
  ['ABORT', undefined, 'not-connected', 'allowed', 'allowed'],
  // 3 SEND /pub/**: ROLE_GENERAL.
  ['SEND', '/pub/send/message', 'not-connected', 'allowed', 'access-denied'],
  ['SEND', '/pub/anything/else', 'not-connected', 'allowed', 'access-denied'],
  // 4 SUBSCRIBE /topic/**, /user/queue/**: ROLE_GENERAL.
  ['SUBSCRIBE', '/topic/chat/room/r1', 'not-connected', 'allowed', 'access-denied'],
  ['SUBSCRIBE', '/topic/rooms/r1', 'not-connected', 'allowed', 'access-denied'],
  ['SUBSCRIBE', '/user/queue/errors', 'not-connected', 'allowed', 'access-denied'],
  // 5 all else: denied.
  ['SEND', '/topic/chat/room/r1', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/topic/x', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/queue/x', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/user/queue/errors', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/user/bob/queue/errors', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/public', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', 'pub/send/message', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', ' /pub/send/message', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '/PUB/send/message', 'not-connected', 'access-denied', 'access-denied'],
  ['SEND', '', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '/pub/send/message', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '/queue/x-user123', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '/user/bob/queue/errors', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '/topicality', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '/Topic/chat/room/r1', 'not-connected', 'access-denied', 'access-denied'],
  ['SUBSCRIBE', '', 'not-connected', 'access-denied', 'access-denied'],
  ['UNSUBSCRIBE', '/topic/chat/room/r1', 'not-connected', 'access-denied', 'access-denied'],
];

describe('access rules', () => {
  test.each(ROWS)(
    'AZ01 %s %s: nobody %s, a person %s, somebody without the role %s',
    (command, destination, ...answers) => {
      const found = (['nobody', 'person', 'guest'] as const).map((who) => answer(command, destination, who));
      expect(found).toEqual(answers);
    },
  );

  test('AZ01 every frame of a client has a rule, and none but the greeting and the goodbye is for nobody', () => {
    const commands = Object.entries(COMMANDS).filter(([, { sender }]) => sender === 'client');
    expect(commands.length).toBe(11);
    for (const [command] of commands as [ClientCommand, unknown][]) {
      const open = ['CONNECT', 'STOMP', 'DISCONNECT'].includes(command);
      expect(answer(command, '/elsewhere', 'nobody')).toBe(open ? 'allowed' : 'not-connected');
      expect(answer(command, '/elsewhere', 'person')).toBe(open ? 'allowed' : 'access-denied');
    }
  });

  test('a role that only contains the name of the role is another role', () => {
    const roles = ['ROLE_GENERALS', 'role_general', 'XROLE_GENERAL'];
    expect(() => authorize('SEND', '/pub/send/message', somebody(roles))).toThrow('Access is denied');
  });
});
