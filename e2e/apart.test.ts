// Processes of their own come and go: the gateway answers meanwhile, never hangs, and goes on when they are back.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, createRoom, history, type Person, postMessage, signUp } from './people.ts';
import { RawStomp, refusalOf } from './raw-stomp.ts';
import { StompClient } from './stomp-client.ts';
import { type Topology, useMaru } from './topology.ts';

describe.each(['apart', 'apart by a Unix socket'] satisfies Topology[])('%s', (topology) => {
  const maru = useMaru(topology);
  let ann: Person;
  let roomId: string;

  beforeAll(async () => {
    ann = await signUp(maru, 'Ann');
    roomId = await createRoom(maru, ann);
  });

  // Whatever a test before has left down.
  beforeEach(() => maru.restart());

  it('chat goes on while the identity service is away', async () => {
    // Whoever is in has a token, and its key is known.
    await postMessage(maru, ann, roomId, 'key fetched');
    await maru.end('identity', 'SIGTERM');
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    await client.send(roomId, 'without identity');
    await client.disconnect();
    expect((await ask(maru, 'GET /auth/jwks')).status).toBe(502);
    await maru.restart();
    expect((await ask(maru, 'GET /auth/jwks')).status).toBe(200);
  });

  it('a gateway that ends has its clients answered and told when to come back, and serves the same accounts when it is back', async () => {
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    const sends = Array.from({ length: 50 }, (_, n) => client.send(roomId, `under way ${n}`));
    await sends[0];
    expect(await maru.end('gateway', 'SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await client.ended).toEqual({
      code: 1012,
      reason: expect.stringMatching(/^retry-after=\d+$/),
      error: null,
    });
    const answered = await Promise.allSettled(sends);
    await maru.restart();
    const back = await StompClient.connect(maru.chatUrl, ann.token);
    await back.send(roomId, 'through the new gateway');
    await back.disconnect();
    const { messages } = await history(maru, ann, roomId, '?limit=200');
    const stored = messages.filter(({ content }) => content?.startsWith('under way'));
    expect(stored).toHaveLength(answered.filter(({ status }) => status === 'fulfilled').length);
  });

  it('a chat service that was killed is a 502 and a "come back later", and all is well when it is back', async () => {
    await postMessage(maru, ann, roomId, 'before');
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    await maru.end('chat', 'SIGKILL');
    expect(await client.ended).toMatchObject({ error: null });

    const origin = maru.pageUrl;
    const answer = await ask(maru, 'GET /api/rooms', { token: ann.token, headers: { origin } });
    expect(answer.status).toBe(502);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'upstream-unavailable' });

    const protocols = ['v12.stomp', `bearer.${ann.token}`];
    expect((await refusalOf(maru.chatUrl, { protocols })).status).toBe(502);
    // A page sees neither status nor body of a refusal: it is let in and told when to come back.
    const raw = await RawStomp.open(maru.chatUrl, { protocols, headers: { origin } });
    expect(await raw.came.next()).toMatchObject({
      command: 'close',
      code: 1013,
      reason: expect.stringMatching(/^retry-after=\d+$/),
    });

    await maru.restart();
    const back = await StompClient.connect(maru.chatUrl, ann.token);
    await back.send(roomId, 'after');
    await back.disconnect();
    const { messages } = await history(maru, ann, roomId);
    expect(messages.slice(-2)).toMatchObject([{ content: 'before' }, { content: 'after' }]);
  });
});
