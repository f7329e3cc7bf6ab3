// A room followed over real sockets: whatever breaks, every entry comes once, in order.
import { roomDestination } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { eventually, upTo, useAnn } from './ann.ts';
import { ANN, BO, ScriptedLog } from './scripted-log.ts';

describe('a followed room', () => {
  const ann = useAnn();

  test('it shows the newest page of history, then what comes live', async () => {
    for (let i = 1; i <= 10; i += 1) ann.gateway.append(`${i}`);
    const ready = await ann.follow();
    expect([ann.seqs, ready.hasEarlier]).toEqual([upTo(10, 4), true]);
    ann.gateway.append('11');
    await eventually(() => expect(ann.seqs).toEqual(upTo(11, 4)));
  });

  test('an entry that comes live while history is on its way keeps its place', async () => {
    for (let i = 1; i <= 3; i += 1) ann.gateway.append(`${i}`);
    ann.gateway.beforePage = () => {
      ann.gateway.beforePage = () => undefined;
      ann.gateway.append('4');
    };
    await ann.follow();
    await eventually(() => expect(ann.seqs).toEqual(upTo(4)));
  });

  test('what was said during an outage is there after it, in order and once', async () => {
    await ann.follow();
    ann.gateway.append('1');
    await eventually(() => expect(ann.seqs).toEqual([1]));
    const back = ann.reach('connecting');
    ann.gateway.dropAll();
    for (let i = 2; i <= 20; i += 1) ann.gateway.append(`${i}`);
    await back;
    await eventually(() => expect(ann.seqs).toEqual(upTo(20)));
    ann.gateway.append('21');
    await eventually(() => expect(ann.seqs).toEqual(upTo(21)));
  });

  test('nothing is read twice after a reconnect: the log goes on where it broke off', async () => {
    for (let i = 1; i <= 5; i += 1) ann.gateway.append(`${i}`);
    await ann.follow();
    let pages = 0;
    ann.gateway.beforePage = () => {
      pages += 1;
    };
    ann.gateway.dropAll();
    ann.gateway.append('6');
    await eventually(() => expect(ann.seqs).toEqual(upTo(6)));
    expect(pages).toBe(0);
    const [first, second] = ann.gateway.frames.filter(({ headers }) => 'from-seq' in headers);
    expect([first?.headers, second?.headers]).toMatchObject([
      { 'from-seq': '5', 'log-epoch': 'e1' },
      { 'from-seq': '5', 'log-epoch': 'e1' },
    ]);
  });

  test('a first load that breaks is begun anew', async () => {
    let drops = 3;
    ann.gateway.beforePage = () => {
      drops -= 1;
      if (drops < 0) return;
      const lost = ann.reach('waiting');
      ann.gateway.dropAll();
      return lost;
    };
    for (let i = 1; i <= 3; i += 1) ann.gateway.append(`${i}`);
    await ann.follow();
    expect([ann.seqs, drops]).toEqual([[1, 2, 3], -1]);
  });

  test('what is ready is told after the gap, not before', async () => {
    let seen = 0;
    const ready: number[] = [];
    ann.client.subscribeRoom('r1', { onEntry: () => (seen += 1), onReady: () => ready.push(seen) });
    ann.client.connect();
    await eventually(() => expect(ready).toEqual([0]));
    ann.gateway.dropAll();
    for (let i = 1; i <= 30; i += 1) ann.gateway.append(`${i}`);
    await eventually(() => expect(ready).toEqual([0, 30]));
  });

  test("a server that can't just now is asked again over the same connection", async () => {
    let refusals = 2;
    ann.gateway.fault = ({ headers }) =>
      asksForRoom(headers) && refusals-- > 0 ? { error: 'overloaded' } : undefined;
    await ann.follow();
    ann.gateway.append('1');
    await eventually(() => expect(ann.seqs).toEqual([1]));
    expect([refusals, ann.gateway.tokens.length]).toEqual([-1, 1]);
  });

  test('a missing entry is read from the log', async () => {
    await ann.follow();
    ann.gateway.loses = ({ seq }) => seq === 2;
    for (let i = 1; i <= 3; i += 1) ann.gateway.append(`${i}`);
    ann.gateway.loses = () => false;
    await eventually(() => expect(ann.seqs).toEqual([1, 2, 3]));
    expect(ann.gateway.tokens).toHaveLength(1);
  });

  test('older messages are loaded page by page, as of when they were read', async () => {
    for (let i = 1; i <= 18; i += 1) ann.gateway.append(`${i}`);
    const room = ann.client.subscribeRoom('r1', { onEntry: (entry) => ann.entries.push(entry) });
    expect(await room.earlier()).toBeNull();
    ann.client.connect();
    await eventually(() => expect(ann.seqs).toEqual(upTo(18, 12)));
    ann.gateway.broadcast(ann.gateway.log.edit(BO, 'm5', 'five'));
    const page = await room.earlier(7);
    expect([page?.messages.map(({ content }) => content), page?.hasMore, page?.asOf]).toEqual([
      ['five', '6', '7', '8', '9', '10', '11'],
      true,
      19,
    ]);
    const [last, none] = await Promise.all([room.earlier(7), room.earlier(7)]);
    expect([last?.messages.map(({ seq }) => seq), last?.hasMore, none]).toEqual([upTo(4), false, null]);
  });

  test('a refused room is reported, dropped, and not asked for again', async () => {
    let asked = 0;
    ann.gateway.fault = ({ headers }) => {
      if (!asksForRoom(headers)) return undefined;
      asked += 1;
      return { error: 'not-a-member' };
    };
    await expect(ann.follow()).rejects.toThrow('not-a-member');
    ann.gateway.dropAll();
    await ann.reach('connected');
    expect((await ann.client.sendMessage('r1', 'still here')).seq).toBe(1);
    expect(asked).toBe(1);
  });

  test('who loses the membership is told so after the entry that says it, and the connection stays', async () => {
    const told: string[] = [];
    await ann.follow({ onEntry: ({ type }) => told.push(type), onEnded: () => told.push('ended') });
    ann.gateway.broadcast(ann.gateway.log.leave(ANN));
    ann.gateway.endSubscriptions();
    await eventually(() => expect(told).toEqual(['member.left', 'ended']));
    await ann.client.sendMessage('r1', 'still connected');
    expect(ann.gateway.tokens).toHaveLength(1);
  });

  test('a deleted room ends with its last entry', async () => {
    const told: string[] = [];
    await ann.follow({ onEntry: ({ type }) => told.push(type), onEnded: () => told.push('ended') });
    ann.gateway.broadcast(ann.gateway.log.deleteRoom(BO));
    ann.gateway.endSubscriptions();
    await eventually(() => expect(told).toEqual(['room.deleted', 'ended']));
  });

  test('a room that is closed hears nothing more', async () => {
    const seqs: number[] = [];
    const closed = new Promise<void>((resolve) => {
      const room = ann.client.subscribeRoom('r1', {
        onEntry: ({ seq }) => {
          seqs.push(seq);
          room.close();
          resolve();
        },
      });
    });
    await ann.follow();
    for (let i = 1; i <= 3; i += 1) ann.gateway.append(`${i}`);
    await closed;
    await eventually(() => expect(ann.seqs).toEqual([1, 2, 3]));
    expect(seqs).toEqual([1]);
  });

  test('a room whose log was replaced is reset and loaded anew', async () => {
    for (const content of ['old 1', 'old 2']) ann.gateway.append(content);
    await ann.follow();
    expect(ann.seqs).toEqual([1, 2]);
    ann.gateway.log = new ScriptedLog('e2');
    ann.gateway.append('new');
    ann.gateway.dropAll();
    await eventually(() => expect(ann.entries).toMatchObject([{ seq: 1, content: 'new' }]));
    expect(ann.resets).toBe(1);
    ann.gateway.append('newer');
    await eventually(() => expect(ann.seqs).toEqual([1, 2]));
  });
});

const asksForRoom = (headers: Readonly<Record<string, string>>) =>
  headers.destination === roomDestination('r1');
