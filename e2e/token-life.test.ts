// A page that stays open longer than its token lives: the client renews in time, and who doesn't is sent away.
import { setTimeout as pause } from 'node:timers/promises';
import { Account, ChatClient, RestClient } from '@maru/client';
import { expect, it } from 'vitest';
import { createRoom, postMessage, signUp } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { describeTopologies } from './topology.ts';

/** The shortest that the settings allow. */
const LIFE_SECONDS = 10;
const GRACE_MS = 1_000;

describeTopologies(
  (maru) => {
    it('a chat client stays connected past the end of its first token; one that renews nothing is told and closed', async () => {
      const ann = await signUp(maru, 'Ann');
      const roomId = await createRoom(maru, ann);
      const silent = await RawStomp.connect(maru.chatUrl, ann.token);
      const endsAt = endOf(ann.token);

      const gatewayUrl = maru.url;
      const tokens = new Account({
        gatewayUrl,
        storage: { read: () => ann.session, write: () => undefined },
      });
      const client = new ChatClient({ gatewayUrl, tokens, rest: new RestClient({ gatewayUrl, tokens }) });
      const states: string[] = [];
      client.onStatus(({ state }) => states.push(state));
      const heard: number[] = [];
      const entries = new EventTarget();
      await new Promise<void>((resolve, reject) => {
        client.subscribeRoom(roomId, {
          onEntry: ({ seq }) => {
            heard.push(seq);
            entries.dispatchEvent(new Event('entry'));
          },
          onReady: () => resolve(),
          onRefused: (code) => reject(new Error(code)),
        });
        client.connect();
      });

      const error = await silent.came.next();
      expect(error).toMatchObject({ command: 'ERROR', headers: { code: 'token-expired' } });
      expect(await silent.came.next()).toEqual({ command: 'close', code: 1008, reason: 'token-expired' });
      const lateMs = Date.now() - endsAt * 1_000 - GRACE_MS;
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(2_000);

      // What is measured is time: the chat client's first token has ended by then too.
      await pause(Math.max(0, endsAt * 1_000 + GRACE_MS + 2_000 - Date.now()));
      expect(states).toEqual(['connecting', 'connected']);
      const next = new Promise((resolve) => entries.addEventListener('entry', resolve, { once: true }));
      const message = await postMessage(
        maru,
        { ...ann, token: await tokens.accessToken() },
        roomId,
        'still here',
      );
      await next;
      expect(heard.at(-1)).toBe(message.seq);
      await client.close();
    });
  },
  { 'identity.accessTokenSeconds': LIFE_SECONDS, 'chat.tokenGraceMs': GRACE_MS },
);

/** The `exp` of a token, in seconds since the epoch. */
function endOf(token: string): number {
  const [, payload = ''] = token.split('.');
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }).exp;
}
