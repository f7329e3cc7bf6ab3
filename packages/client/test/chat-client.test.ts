// The chat client over real sockets: lost connections, refused tokens, restarts.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useAnn } from './ann.ts';

describe('chat client', () => {
  const ann = useAnn();

  test('an expired token is replaced and the connection comes back', async () => {
    let refusals = 1;
    ann.gateway.fault = ({ command }) =>
      command === 'CONNECT' && refusals-- > 0 ? { error: 'token-expired' } : undefined;
    ann.client.connect();
    await ann.reach('connected');
    expect(new Set(ann.gateway.tokens).size).toBe(2);
  });

  test('a token that is refused twice asks for a new sign-in and stops trying', async () => {
    ann.gateway.fault = ({ command }) => (command === 'CONNECT' ? { error: 'token-invalid' } : undefined);
    const sent = ann.client.sendMessage('r1', 'never');
    ann.client.connect();
    await expect(sent).rejects.toMatchObject({ code: 'sign-in-needed' });
    expect(ann.client.status).toEqual({ state: 'refused', code: 'token-invalid' });
    expect(ann.gateway.tokens).toHaveLength(2);
  });

  test('a session that has ended asks for a new sign-in without a single upgrade', async () => {
    ann.gateway.tokenStatus = 401;
    const refused = ann.reach('refused');
    ann.client.connect();
    await refused;
    expect(ann.gateway.tokens).toEqual([]);
  });

  test('a token that cannot be fetched just now is tried again', async () => {
    ann.gateway.tokenStatus = 503;
    const waiting = ann.reach('waiting');
    ann.client.connect();
    await waiting;
    ann.gateway.tokenStatus = 200;
    await ann.reach('connected');
  });

  test("a restarting server's hint is obeyed", async () => {
    ann.client.connect();
    await ann.reach('connected');
    const waiting = ann.reach('waiting');
    const before = Date.now();
    ann.gateway.closeAll(1012, 'retry-after=4000');
    await waiting;
    const status = ann.client.status;
    expect(status.state === 'waiting' && status.retryAt - before).toBeGreaterThanOrEqual(4000);
    const connected = ann.reach('connected');
    ann.client.connect();
    await connected;
  });

  test('closing says goodbye and rejects what was not receipted', async () => {
    const sent = ann.client.sendMessage('r1', 'too late');
    const rejected = expect(sent).rejects.toMatchObject({ code: 'closed' });
    await ann.client.close();
    await rejected;
    expect(ann.statuses.at(-1)).toEqual({ state: 'closed' });
    await expect(ann.client.sendMessage('r1', 'x')).rejects.toMatchObject({ code: 'closed' });
  });

  test('a token that lives longer than a timer can wait is not renewed over and over', async () => {
    ann.gateway.tokenLifeSeconds = 60 * 24 * 3_600;
    await ann.follow();
    for (const content of ['a', 'b', 'c']) await ann.client.sendMessage('r1', content);
    expect(ann.gateway.renewals).toEqual([]);
  });

  test('a connection is put on a newer token before the old one ends, again and again, and stays', async () => {
    ann.gateway.tokenLifeSeconds = 1;
    await ann.follow();
    for (let n = 0; n < 2; n += 1) await once(ann.gateway.renewed, 'renewed');
    expect(ann.gateway.tokens).toHaveLength(1);
    expect(new Set([...ann.gateway.tokens, ...ann.gateway.renewals]).size).toBe(3);
    expect(ann.statuses.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });

  test('when no newer token is to be had, a new sign-in is asked for instead of waiting for the end', async () => {
    ann.gateway.tokenLifeSeconds = 1;
    await ann.follow();
    ann.gateway.tokenStatus = 401;
    await ann.reach('refused');
    expect(ann.gateway.renewals).toEqual([]);
    expect(ann.client.status).toEqual({ state: 'refused', code: 'sign-in-needed' });
  });
});
