// TK19: whoever signed out, or whose password was changed, is gone from the chat when the token they still have ends.
import { describe, expect, it } from 'vitest';
import { accessToken, ask, call, createRoom, type Person, postMessage, signUp } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { useMaru } from './topology.ts';

/** The shortest that the settings allow. */
const LIFE_SECONDS = 10;
const GRACE_MS = 1_000;
/** `exp` is in whole seconds, the session is looked at now and then, and the machine is busy. */
const SLACK_MS = 3_000;

// Apart alone: it takes as long as the token, and which process says it makes no difference to that.
describe('apart', () => {
  const maru = useMaru('apart', {
    'identity.accessTokenSeconds': LIFE_SECONDS,
    'chat.tokenGraceMs': GRACE_MS,
    'tokens.clockSkewSeconds': 0,
    'operations.port': 0,
  });
  const ends: [string, (person: Person) => Promise<string>][] = [
    [
      'signing out',
      (person) =>
        call<null>(maru, { token: person.session }, 'POST /auth/sign-out', {}).then(() => person.session),
    ],
    [
      'a change of the password elsewhere',
      async (person) => {
        const { email, password, session } = person;
        const elsewhere = await call<{ token: string }>(maru, null, 'POST /auth/sign-in/email', {
          email,
          password,
        });
        await call(maru, elsewhere, 'POST /auth/change-password', {
          currentPassword: password,
          newPassword: `${password}, changed`,
        });
        return session;
      },
    ],
  ];
  it.concurrent.each(ends)(
    'TK19 %s ends the live session within the life of its token and the grace',
    async (_what, end) => {
      const [ann, bob] = [await signUp(maru, 'Ann'), await signUp(maru, 'Bob')];
      const roomId = await createRoom(maru, bob, [ann]);
      const token = await accessToken(maru, ann.session);
      const madeAt = performance.now();
      const stomp = await RawStomp.connect(maru.chatUrl, token);
      stomp.write('SUBSCRIBE', { id: '0', destination: `/topic/chat/room/${roomId}`, receipt: 'r' });
      expect(await stomp.came.next()).toMatchObject({ command: 'RECEIPT' });
      await postMessage(maru, bob, roomId, 'hello');
      expect(await stomp.came.next()).toMatchObject({ command: 'MESSAGE' });

      const session = await end(ann);
      expect((await ask(maru, 'GET /auth/token', { token: session })).status).toBe(401);

      expect(await stomp.came.next()).toMatchObject({
        command: 'ERROR',
        headers: { code: 'token-expired' },
      });
      expect(await stomp.came.next()).toEqual({ command: 'close', code: 1008, reason: 'token-expired' });
      expect(performance.now() - madeAt).toBeLessThan(LIFE_SECONDS * 1_000 + GRACE_MS + SLACK_MS);
      const again = await RawStomp.open(maru.chatUrl, { protocols: ['v12.stomp', `bearer.${token}`] });
      again.write('CONNECT', { 'accept-version': '1.2', host: 'maru' });
      expect(await again.came.next()).toMatchObject({
        command: 'ERROR',
        headers: { code: 'token-expired' },
      });
    },
  );
});
