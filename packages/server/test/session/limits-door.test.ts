// The bounds at the door, each at the limit and one past it: sockets, upgrades of an address, sessions of a person, time.
import { setTimeout as moment } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Chat, type ChatOptions, openChat, PAGE } from './chat-fixture.ts';
import { growthOf, refusalsDuring } from './growth.ts';
import { RawSocket } from './raw-socket.ts';

const chats: Chat[] = [];
afterEach(async () => {
  await Promise.all(chats.splice(0).map((chat) => chat.close()));
});
const open = async (options: ChatOptions = {}) => {
  // Sockets that only looked in at the door don't answer a Close.
  const chat = await openChat({ ...options, timing: { drainMs: 100, ...options.timing } });
  chats.push(chat);
  return chat;
};

/** What an upgrade is answered: its status, `Retry-After` and code, or the Close that comes right behind the 101. */
async function answerTo(chat: Chat, ...lines: string[]): Promise<string> {
  const socket = RawSocket.upgrade(chat.port, lines);
  const head = await socket.head;
  const status = head.split(' ')[1] ?? '';
  if (status !== '101') {
    return `${status}, Retry-After: ${/^retry-after: (.*)$/im.exec(head)?.[1]}`;
  }
  const { payload } = await socket.next(8);
  socket.write(payload, { opcode: 8 });
  await socket.closed;
  return `101, ${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`;
}

/** The status of so many upgrades at one moment, sorted; those that got in stay. */
async function statuses(chat: Chat, count: number, ...lines: string[]): Promise<string> {
  const heads = await Promise.all(
    Array.from({ length: count }, () => RawSocket.upgrade(chat.port, lines).head),
  );
  return heads
    .map((head) => head.split(' ')[1])
    .sort()
    .join(' ');
}

describe('sockets', () => {
  test('FR12 chat.sessions: as many as the limit are open, one more is told when to come back', async () => {
    const chat = await open({ endpoint: { sessions: 3 } });
    const clients = [await chat.open(), await chat.connect('ann'), await chat.connect('bob')];
    expect(await chat.metric('maru_sessions{state="unauthenticated"}')).toBe(1);
    expect(await chat.metric('maru_sessions{state="connected"}')).toBe(2);
    const refusals = await refusalsDuring(chat, 'overloaded', async () => {
      expect(await answerTo(chat)).toBe('503, Retry-After: 2');
      expect(await answerTo(chat, `Origin: ${PAGE}`)).toBe('101, 1013 retry-after=1500');
      expect(await answerTo(chat, `Origin: ${PAGE}`, 'Sec-WebSocket-Protocol: v12.stomp')).toBe(
        '101, 1013 retry-after=1500',
      );
    });
    expect(refusals).toBe(3);
    // Nobody's page is told more than it is when there is room.
    expect(await answerTo(chat, 'Origin: https://evil.example')).toBe('403, Retry-After: undefined');
    clients[0]?.terminate();
    await chat.empty(2);
    await (await chat.connect('ann')).settled();
  });

  test('a token that was offered beside the subprotocol is not said back to who is sent away', async () => {
    const chat = await open({ endpoint: { sessions: 1 } });
    await chat.open();
    const socket = RawSocket.upgrade(chat.port, [
      `Origin: ${PAGE}`,
      'Sec-WebSocket-Protocol: bearer.secret, v12.stomp',
    ]);
    expect(await socket.head).toMatch(/^sec-websocket-protocol: v12\.stomp$/im);
    expect(await socket.closeCode()).toBe(1013);
  });
});

describe('upgrades of an address', () => {
  // All at one moment, of an address each time another: a token comes back after a second.
  test('FR12 chat.connectsPerSecond: twice as many at once get in, one more is told when to come back', async () => {
    const chat = await open({ endpoint: { connectsPerSecond: 1 } });
    const refusals = await refusalsDuring(chat, 'too-many-requests', async () => {
      expect(await statuses(chat, 3)).toBe('101 101 429');
    });
    expect(refusals).toBe(1);
    expect(await statuses(chat, 3, 'X-Forwarded-For: 203.0.113.1')).toBe('101 101 429');
    const evil = 'Origin: https://evil.example';
    // Another page is refused as anybody is, first for its origin and then for its number.
    expect(await statuses(chat, 3, 'X-Forwarded-For: 203.0.113.2', evil)).toBe('403 403 429');
    expect(chat.endpoint.sessions).toBe(4);
  });

  test('a page, which can’t read a status, is told by a close code', async () => {
    const chat = await open({ endpoint: { connectsPerSecond: 1 } });
    const sockets = Array.from({ length: 5 }, () => RawSocket.upgrade(chat.port, [`Origin: ${PAGE}`]));
    const heads = await Promise.all(sockets.map(({ head }) => head));
    expect(heads.map((head) => head.split(' ')[1])).toEqual(['101', '101', '101', '101', '101']);
    expect(chat.endpoint.sessions).toBe(2);
    const told = Array.from({ length: 3 }, () => Promise.race(sockets.map((socket) => socket.next(8))));
    for (const close of await Promise.all(told)) {
      expect([close.payload.readUInt16BE(0), close.payload.toString('utf8', 2)]).toEqual([
        1013,
        'retry-after=1500',
      ]);
    }
  });

  test('a refusal says when to come back, and then one gets in', async () => {
    const chat = await open({ endpoint: { connectsPerSecond: 1 } });
    const heads = await Promise.all(Array.from({ length: 5 }, () => RawSocket.upgrade(chat.port).head));
    const refused = heads.filter((head) => head.includes(' 429 '));
    expect(refused).toHaveLength(3);
    for (const head of refused) expect(head).toMatch(/^retry-after: 1$/im);
    const began = performance.now();
    while ((await statuses(chat, 1)) !== '101') expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('TR02 nobody gets more by saying that they are many', async () => {
    const chat = await open({ endpoint: { connectsPerSecond: 1 }, trustedProxies: [] });
    const heads = await Promise.all(
      Array.from(
        { length: 10 },
        (_, n) => RawSocket.upgrade(chat.port, [`X-Forwarded-For: 203.0.113.${n}`]).head,
      ),
    );
    expect(heads.filter((head) => head.includes(' 101 '))).toHaveLength(2);
  });

  test('TR06 a flood of refused upgrades is a line a second in the log, with their number', async () => {
    const chat = await open({ endpoint: { connectsPerSecond: 1 } });
    const all = (await statuses(chat, 60)).split(' ');
    await chat.endpoint.close();
    const lines = chat.log.filter(({ msg }) => msg === 'upgrade refused');
    expect(lines.length).toBeLessThan(10);
    expect(lines[0]).toMatchObject({ code: 'too-many-requests', address: '127.0.0.1', sessions: 2 });
    const told = lines.map(({ times = 1 }) => Number(times)).reduce((sum, times) => sum + times);
    expect(told).toBe(all.filter((status) => status === '429').length);
  });
});

describe('sessions of a person', () => {
  test('FR12 chat.sessionsPerUser: as many as the limit connect, one more is refused, and another person isn’t', async () => {
    const chat = await open({ sessionsPerUser: 2 });
    const [first] = [await chat.connect('ann'), await chat.connect('ann')];
    const refusals = await refusalsDuring(chat, 'too-many-sessions', async () => {
      const client = await chat.open();
      client.send('CONNECT', {
        'accept-version': '1.2',
        host: 'maru',
        Authorization: `Bearer ${await chat.token('ann')}`,
      });
      expect(await client.refusal()).toMatchObject({ code: 'too-many-sessions', close: 1008 });
    });
    expect(refusals).toBe(1);
    await chat.connect('bob');
    await first.settled();
    await chat.connect('ann');
    await expect(chat.connect('ann')).rejects.toThrow();
  });

  test('a place is free again however its session ended, and whoever is refused takes none', async () => {
    const chat = await open({ sessionsPerUser: 1 });
    const endings = [
      (client: Awaited<ReturnType<Chat['connect']>>) => client.terminate(),
      (client: Awaited<ReturnType<Chat['connect']>>) => client.webSocket.close(1000),
      (client: Awaited<ReturnType<Chat['connect']>>) => client.send('BEGIN'),
      (client: Awaited<ReturnType<Chat['connect']>>) => client.send('DISCONNECT'),
    ];
    for (const end of endings) {
      const client = await chat.connect('ann');
      await expect(chat.connect('ann')).rejects.toThrow('too-many-sessions');
      end(client);
      await chat.empty();
    }
    await chat.connect('ann');
  });

  test('of many that come at once exactly as many as the limit are let in', async () => {
    const chat = await open({ sessionsPerUser: 3 });
    const all = await Promise.allSettled(Array.from({ length: 12 }, () => chat.connect('ann')));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(await chat.refusals('too-many-sessions')).toBe(9);
  });
});

describe('time to CONNECT', () => {
  test('FR14 chat.connectMs: who has connected in time stays, who hasn’t is refused', async () => {
    const chat = await open({ timing: { connectMs: 1_500, tickMs: 10 } });
    const roomId = await chat.newRoom('ann');
    const refusals = await refusalsDuring(chat, 'connect-timeout', async () => {
      const [silent, connected] = [await chat.open(), await chat.connect('ann')];
      expect(await silent.refusal()).toMatchObject({ code: 'connect-timeout', close: 1008 });
      connected.say(roomId, 'still here', 'r');
      await connected.receipt('r');
    });
    expect(refusals).toBe(1);
  });
});

describe('upgrades of all addresses', () => {
  test('FR12 chat.admittedPerSecond: so many at once get in, each of the others is told a moment of its own', async () => {
    const chat = await open({ endpoint: { admittedPerSecond: 1 } });
    const from = (n: number) => `X-Forwarded-For: 203.0.113.${n}`;
    const refusals = await refusalsDuring(chat, 'overloaded', async () => {
      expect(await statuses(chat, 1)).toBe('101');
      // Whoever has no token is known by the address.
      const pages = await Promise.all([1, 2, 3, 4].map((n) => answerTo(chat, `Origin: ${PAGE}`, from(n))));
      const told = pages
        .map((page) => Number(/^101, 1013 retry-after=(\d+)$/.exec(page)?.[1]))
        .sort((a, b) => a - b);
      expect(told[0]).toBeLessThanOrEqual(1_100);
      for (const [n, ms] of told.slice(1).entries()) expect(ms - (told[n] ?? 0)).toBeGreaterThan(500);
      expect(await answerTo(chat, from(5))).toMatch(/^503, Retry-After: [56]$/);
      // Who comes early hears of the same moment; another page is refused for its origin first.
      expect(await answerTo(chat, from(5))).toMatch(/^503, Retry-After: [56]$/);
      expect(await answerTo(chat, 'Origin: https://evil.example')).toBe('403, Retry-After: undefined');
    });
    expect(refusals).toBe(6);
    expect(chat.endpoint.sessions).toBe(1);
  });

  test('who comes back when told gets in, and nobody new before: known by the token', async () => {
    const chat = await open({ endpoint: { admittedPerSecond: 2 } });
    expect(await statuses(chat, 2)).toBe('101 101');
    const [ann, bob] = [await chat.token('ann'), await chat.token('bob')];
    const by = (token: string) => [`Authorization: Bearer ${token}`, `Origin: ${PAGE}`];
    const told = Number(/retry-after=(\d+)/.exec(await answerTo(chat, ...by(ann)))?.[1]);
    await moment(told);
    expect(await answerTo(chat, ...by(bob))).toMatch(/^101, 1013/);
    expect((await RawSocket.upgrade(chat.port, by(ann)).head).split(' ')[1]).toBe('101');
    await chat.empty(3);
    expect(chat.endpoint.sessions).toBe(3);
  });
});

test('TR06 every end of a session is counted by its close code, the clients’ own words as one', async () => {
  const chat = await open();
  for (const [code, series] of [
    [1000, '1000'],
    [1001, '1001'],
    [3999, 'own'],
    [4000, 'own'],
  ] as const) {
    const growth = await growthOf(chat, `maru_session_closes_total{code="${series}"}`, async () => {
      const client = await chat.connect('ann');
      client.webSocket.close(code);
      await chat.empty();
    });
    expect([code, growth]).toEqual([code, 1]);
  }
});
