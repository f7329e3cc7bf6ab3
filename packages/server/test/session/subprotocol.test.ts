// Which subprotocol answers an offer.
import { expect, test } from 'vitest';
import { chooseSubprotocol } from '../../src/session/subprotocol.ts';

test.each([
  [['v10.stomp', 'v11.stomp', 'v12.stomp'], 'v12.stomp'],
  [['v12.stomp', 'v11.stomp', 'v10.stomp'], 'v12.stomp'],
  [['v10.stomp', 'v11.stomp'], 'v11.stomp'],
  [['v10.stomp'], 'v10.stomp'],
  [['mqtt', 'v11.stomp'], 'v11.stomp'],
  [['foo'], false],
  [['V12.STOMP'], false],
  [['v13.stomp'], false],
  [[], false],
] as const)('C13 HS04 the offer %j is answered with %s', (offered, answer) => {
  expect(chooseSubprotocol(new Set(offered))).toBe(answer);
});
