// The chat client over real sockets: lost connections, refused tokens, messages sent once, gaps filled.
import { once } from 'node:events';
import type { RoomEntry } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Account } from '../src/account.ts';
import { ChatClient } from '../src/chat-client.ts';
import type { ConnectionState, ConnectionStatus } from '../src/connection-state.ts';
import { RestClient } from '../src/rest-client.ts';
import { ScriptedGateway } from './scripted-gateway.ts';

let gateway: ScriptedGateway;
let client: ChatClient;
let statuses: ConnectionStatus[];
let entries: RoomEntry[];

beforeEach(async () => {
  gateway = new ScriptedGateway();
  const gatewayUrl = await gateway.open();
  let stored: string | null = 'session-1';
  const storage = {
    read: () => stored,
    write: (token: string | null) => {
      stored = token;
    },
  };
  const tokens = new Account({ gatewayUrl, storage });
  const rest = new RestClient({ gatewayUrl, tokens });
  client = new ChatClient({ gatewayUrl, tokens, rest, backoff: { baseMs: 20, capMs: 50 } });
  statuses = [];
  entries = [];
  client.onStatus((status) => statuses.push(status));
});

afterEach(async () => {
  await client.close();
  await gateway.close();
});

function reach(state: ConnectionState): Promise<void> {
  return new Promise((resolve) => {
    const remove = client.onStatus((status) => {
      if (status.state !== state) return;
      remove();
      resolve();
    });
  });
}

/** Follows the room and resolves when the first load is done. */
function follow(): Promise<{ hasEarlier: boolean }> {
  return new Promise((resolve, reject) => {
    client.subscribeRoom('r1', {
      onEntry: (entry) => entries.push(entry),
      onReady: resolve,
      onRefused: (code) => reject(new Error(code)),
    });
    client.connect();
  });
}

const seqs = () => entries.map((entry) => entry.seq);
const upTo = (n: number, from = 1) => Array.from({ length: n - from + 1 }, (_, i) => i + from);

describe('chat client', () => {
  test('it shows the newest page of history, then what comes live', async () => {
    for (let i = 1; i <= 10; i += 1) gateway.append(`${i}`);
    const ready = await follow();
    expect([seqs(), ready.hasEarlier]).toEqual([upTo(10, 4), true]);
    gateway.append('11');
    await vi.waitFor(() => expect(seqs()).toEqual(upTo(11, 4)));
  });

  test('an entry that comes live while history is on its way keeps its place', async () => {
    for (let i = 1; i <= 3; i += 1) gateway.append(`${i}`);
    gateway.beforePage = () => {
      gateway.beforePage = () => undefined;
      gateway.append('4');
    };
    await follow();
    await vi.waitFor(() => expect(seqs()).toEqual(upTo(4)));
  });

  test('what was said during an outage is there after it, in order and once', async () => {
    await follow();
    gateway.append('1');
    await vi.waitFor(() => expect(seqs()).toEqual([1]));
    const back = reach('connecting');
    gateway.dropAll();
    for (let i = 2; i <= 20; i += 1) gateway.append(`${i}`);
    await back;
    await vi.waitFor(() => expect(seqs()).toEqual(upTo(20)));
    gateway.append('21');
    await vi.waitFor(() => expect(seqs()).toEqual(upTo(21)));
  });

  test('a connection that breaks while the gap is being filled loses nothing', async () => {
    await follow();
    gateway.append('1');
    await vi.waitFor(() => expect(seqs()).toEqual([1]));
    let drops = 3;
    gateway.beforePage = () => {
      if (drops > 0) gateway.dropAll();
      drops -= 1;
    };
    gateway.dropAll();
    for (let i = 2; i <= 12; i += 1) gateway.append(`${i}`);
    await vi.waitFor(() => expect(seqs()).toEqual(upTo(12)), 5000);
  });

  test('a message whose RECEIPT was lost is sent again and stored once', async () => {
    let drops = 2;
    gateway.fault = ({ command }) => {
      if (command !== 'SEND' || drops === 0) return undefined;
      drops -= 1;
      return { drop: true };
    };
    await follow();
    const sent = await client.sendMessage('r1', 'hello');
    expect(sent.seq).toBe(1);
    expect(gateway.log.map((entry) => entry.content)).toEqual(['hello']);
    await vi.waitFor(() => expect(seqs()).toEqual([1]));
  });

  test('messages written without a connection leave in order once there is one', async () => {
    const sent = ['a', 'b', 'c'].map((content) => client.sendMessage('r1', content));
    client.connect();
    await Promise.all(sent);
    expect(gateway.log.map((entry) => entry.content)).toEqual(['a', 'b', 'c']);
  });

  test('a refused message is reported and the connection comes back', async () => {
    gateway.fault = ({ body }) => (body.includes('bad') ? { error: 'not-a-member' } : undefined);
    await follow();
    await expect(client.sendMessage('r1', 'bad')).rejects.toMatchObject({ code: 'not-a-member' });
    expect((await client.sendMessage('r1', 'good')).seq).toBe(1);
  });

  test('a message that the contract does not take is reported, and the connection comes back', async () => {
    await follow();
    await expect(client.sendMessage('r1', 'half a surrogate \ud83c')).rejects.toMatchObject({
      code: 'invalid-body',
    });
    await expect(client.sendMessage('no such id', 'hello')).rejects.toMatchObject({ code: 'invalid-body' });
    expect((await client.sendMessage('r1', 'good')).seq).toBe(1);
  });

  test('a message of the most octets is sent and one octet more is refused here', async () => {
    client.connect();
    expect((await client.sendMessage('r1', 'x'.repeat(16 * 1024))).seq).toBe(1);
    await expect(client.sendMessage('r1', `${'x'.repeat(16 * 1024 - 2)}한`)).rejects.toMatchObject({
      code: 'content-too-long',
    });
  });

  test('a refused room is reported, dropped, and not asked for again', async () => {
    let asked = 0;
    gateway.fault = ({ command }) => {
      if (command !== 'SUBSCRIBE') return undefined;
      asked += 1;
      return { error: 'not-a-member' };
    };
    await expect(follow()).rejects.toThrow('not-a-member');
    await reach('connected');
    expect((await client.sendMessage('r1', 'still here')).seq).toBe(1);
    expect(asked).toBe(1);
  });

  test('an expired token is replaced and the connection comes back', async () => {
    let refusals = 1;
    gateway.fault = ({ command }) =>
      command === 'CONNECT' && refusals-- > 0 ? { error: 'token-expired' } : undefined;
    client.connect();
    await reach('connected');
    expect(new Set(gateway.tokens).size).toBe(2);
  });

  test('a token that is refused twice asks for a new sign-in and stops trying', async () => {
    gateway.fault = ({ command }) => (command === 'CONNECT' ? { error: 'token-invalid' } : undefined);
    const sent = client.sendMessage('r1', 'never');
    client.connect();
    await expect(sent).rejects.toMatchObject({ code: 'sign-in-needed' });
    expect(client.status).toEqual({ state: 'refused', code: 'token-invalid' });
    expect(gateway.tokens).toHaveLength(2);
  });

  test('a session that has ended asks for a new sign-in without a single upgrade', async () => {
    gateway.tokenStatus = 401;
    const refused = reach('refused');
    client.connect();
    await refused;
    expect(gateway.tokens).toEqual([]);
  });

  test('a token that cannot be fetched just now is tried again', async () => {
    gateway.tokenStatus = 503;
    const waiting = reach('waiting');
    client.connect();
    await waiting;
    gateway.tokenStatus = 200;
    await reach('connected');
  });

  test("a restarting server's hint is obeyed", async () => {
    client.connect();
    await reach('connected');
    const waiting = reach('waiting');
    const before = Date.now();
    gateway.closeAll(1012, 'retry-after=4000');
    await waiting;
    const status = client.status;
    expect(status.state === 'waiting' && status.retryAt - before).toBeGreaterThanOrEqual(4000);
    const connected = reach('connected');
    client.connect();
    await connected;
  });

  test('a room whose log was replaced is reset and loaded anew', async () => {
    let resets = 0;
    gateway.append('old');
    client.subscribeRoom('r1', {
      onEntry: (entry) => entries.push(entry),
      onReset: () => {
        resets += 1;
        entries = [];
      },
    });
    client.connect();
    await vi.waitFor(() => expect(seqs()).toEqual([1]));
    gateway.epoch = 'e2';
    gateway.log.length = 0;
    gateway.append('new');
    gateway.dropAll();
    await vi.waitFor(() => expect(entries).toMatchObject([{ seq: 1, content: 'new' }]));
    expect(resets).toBe(1);
  });

  test('closing says goodbye and rejects what was not receipted', async () => {
    const sent = client.sendMessage('r1', 'too late');
    const rejected = expect(sent).rejects.toMatchObject({ code: 'closed' });
    await client.close();
    await rejected;
    expect(statuses.at(-1)).toEqual({ state: 'closed' });
    await expect(client.sendMessage('r1', 'x')).rejects.toMatchObject({ code: 'closed' });
  });

  test('a token that lives longer than a timer can wait is not renewed over and over', async () => {
    gateway.tokenLifeSeconds = 60 * 24 * 3_600;
    await follow();
    for (const content of ['a', 'b', 'c']) await client.sendMessage('r1', content);
    expect(gateway.renewals).toEqual([]);
  });

  test('a connection is put on a newer token before the old one ends, again and again, and stays', async () => {
    gateway.tokenLifeSeconds = 1;
    await follow();
    for (let n = 0; n < 2; n += 1) await once(gateway.renewed, 'renewed');
    expect(gateway.tokens).toHaveLength(1);
    expect(new Set([...gateway.tokens, ...gateway.renewals]).size).toBe(3);
    expect(statuses.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  test('when no newer token is to be had, a new sign-in is asked for instead of waiting for the end', async () => {
    gateway.tokenLifeSeconds = 1;
    await follow();
    gateway.tokenStatus = 401;
    await reach('refused');
    expect(gateway.renewals).toEqual([]);
    expect(client.status).toEqual({ state: 'refused', code: 'sign-in-needed' });
  });
});
