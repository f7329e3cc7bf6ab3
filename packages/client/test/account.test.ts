// Accounts: the session token is kept, access tokens are cached and fetched once.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Account } from '../src/account.ts';
import { ScriptedGateway } from './scripted-gateway.ts';

let gateway: ScriptedGateway;
let account: Account;
let stored: string | null;
let now: number;

beforeEach(async () => {
  gateway = new ScriptedGateway();
  stored = null;
  now = 0;
  account = new Account({
    gatewayUrl: await gateway.open(),
    now: () => now,
    storage: {
      read: () => stored,
      write: (token) => {
        stored = token;
      },
    },
  });
});

afterEach(() => gateway.close());

const credentials = { email: 'ann@example.com', password: 'correct horse' };

describe('account', () => {
  test('signing in keeps the session token, signing out forgets it', async () => {
    expect((await account.signIn(credentials)).name).toBe('Ann');
    expect([stored, account.signedIn]).toEqual(['session-1', true]);
    await account.signOut();
    expect([stored, account.signedIn]).toEqual([null, false]);
    await expect(account.accessToken()).rejects.toMatchObject({ code: 'sign-in-needed' });
  });

  test('many callers at once fetch one access token, and it is kept until shortly before its end', async () => {
    await account.signIn(credentials);
    const tokens = await Promise.all([account.accessToken(), account.accessToken(), account.accessToken()]);
    expect([new Set(tokens).size, gateway.tokensIssued]).toEqual([1, 1]);
    now = (900 - 60) * 1000 - 1;
    await account.accessToken();
    expect(gateway.tokensIssued).toBe(1);
    now += 1;
    await account.accessToken();
    expect(gateway.tokensIssued).toBe(2);
  });

  test('a dropped access token is fetched anew', async () => {
    await account.signIn(credentials);
    const first = await account.accessToken();
    account.dropAccessToken();
    expect(await account.accessToken()).not.toBe(first);
  });

  test('an ended session signs the person out; a server that cannot answer does not', async () => {
    await account.signIn(credentials);
    gateway.tokenStatus = 500;
    await expect(account.accessToken()).rejects.toMatchObject({ status: 500 });
    expect(account.signedIn).toBe(true);
    gateway.tokenStatus = 401;
    await expect(account.accessToken()).rejects.toMatchObject({ code: 'sign-in-needed' });
    expect(account.signedIn).toBe(false);
  });

  test('a server that cannot be reached is a network error', async () => {
    await gateway.close();
    await expect(account.signIn(credentials)).rejects.toMatchObject({ code: 'network', status: null });
    await gateway.open();
  });
});
