// What two sides agree on: rows C and H of the checklist.
import { describe, expect, test } from 'vitest';
import {
  clampHeartBeat,
  FrameError,
  formatHeartBeat,
  NO_HEART_BEAT,
  negotiateHeartBeat,
  negotiateVersion,
  parseHeartBeat,
} from '../src/index.ts';

describe('version', () => {
  test.each([
    ['1.0,1.1,2.0', '1.1'],
    ['1.2,1.1,1.0', '1.2'],
    ['1.0', '1.0'],
    ['1.1, 1.2', '1.2'],
  ])('C02: of %s it is %s', (accepted, version) => {
    expect(negotiateVersion(accepted)).toBe(version);
  });

  test('C03: a CONNECT without accept-version is one of 1.0', () => {
    expect(negotiateVersion(undefined)).toBe('1.0');
  });

  test.each(['9.9', '', ',', '1', '1.20', '1.2.0', '01.2', '1.1;1.2'])(
    'C04: there is none in %j',
    (accepted) => {
      expect(negotiateVersion(accepted)).toBeUndefined();
    },
  );
});

describe('heart-beat', () => {
  test('H01: it is two non-negative integers and a comma', () => {
    expect(parseHeartBeat('10000,5000')).toEqual({ outgoing: 10000, incoming: 5000 });
    expect(parseHeartBeat('0,0')).toEqual(NO_HEART_BEAT);
  });

  test.each([
    '10000',
    'a,b',
    '-1,0',
    '1,2,3',
    '',
    ',',
    '1,',
    ',1',
    '1, 2',
    ' 1,2',
    '1.5,0',
    '+1,0',
    '1e3,0',
    '1,2\n',
    '１,0',
  ])('H01: %j is refused', (value) => {
    expect(() => parseHeartBeat(value)).toThrow(FrameError);
  });

  test('H01: a period that no timer can wait becomes the longest that one can', () => {
    const { outgoing, incoming } = parseHeartBeat(`${'9'.repeat(400)},2147483648`);
    expect([outgoing, incoming]).toEqual([2147483647, 2147483647]);
  });

  test('H02: no header is the same as 0,0', () => {
    expect(parseHeartBeat(undefined)).toEqual(NO_HEART_BEAT);
  });

  test.each([
    ['0,0', '10000,10000', 0, 0],
    ['5000,0', '10000,10000', 10000, 0],
    ['0,5000', '10000,10000', 0, 10000],
    ['20000,30000', '10000,10000', 20000, 30000],
    ['5000,5000', '0,10000', 10000, 0],
    ['5000,5000', '10000,0', 0, 10000],
    ['5000,7000', '3000,4000', 5000, 7000],
  ])(
    'H03: client %s, server %s: %i to the server, %i to the client',
    (client, server, clientToServer, serverToClient) => {
      expect(negotiateHeartBeat(parseHeartBeat(client), parseHeartBeat(server))).toEqual({
        clientToServer,
        serverToClient,
      });
    },
  );

  test('H08: neither direction is faster than the floor, and what is announced says so', () => {
    const client = parseHeartBeat('1,1');
    const server = { outgoing: 100, incoming: 2000 };
    const agreed = negotiateHeartBeat(client, server, { floor: 500 });
    expect(agreed).toEqual({ clientToServer: 2000, serverToClient: 500 });
    const announced = formatHeartBeat(clampHeartBeat(server, 500));
    expect(announced).toBe('500,2000');
    expect(negotiateHeartBeat(client, parseHeartBeat(announced))).toEqual(agreed);
  });

  test('H08: the floor does not make a server beat that does not want to', () => {
    expect(clampHeartBeat(NO_HEART_BEAT, 500)).toEqual(NO_HEART_BEAT);
  });
});
