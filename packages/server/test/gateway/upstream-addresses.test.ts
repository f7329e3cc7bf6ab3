// What a setting's addresses come to: written out, or looked up.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { MAX_ADDRESSES, nameOf, UpstreamAddresses } from '../../src/gateway/upstream-addresses.ts';
import { LogText } from './door.ts';

/** What is known after the first look, and what the log says. */
async function openOnce(given: string, found: readonly string[] = []) {
  const log = new LogText();
  const asked: string[] = [];
  let known: readonly string[] = [];
  const addresses = new UpstreamAddresses({
    given,
    lookup: async (host) => {
      asked.push(host);
      return found;
    },
    resolveMs: 60_000,
    onAddresses: (targets) => {
      known = targets.map(nameOf);
    },
    log: pino(log),
  });
  await addresses.open();
  addresses.close();
  return { known, asked, log };
}

test('addresses that are written out are taken as they are, and nobody is asked', async () => {
  const given = ['http://10.0.0.1:8081', 'http://[::1]:8081', 'unix:/run/chat.sock', 'http://10.0.0.2:80'];
  const { known, asked } = await openOnce(given.join(' ,'));
  expect(known).toEqual(given);
  expect(asked).toEqual([]);
});

test('a name is all of its addresses, each once, on the port that was given', async () => {
  const { known, asked } = await openOnce('http://chat.internal:8081', ['10.0.0.2', '::1', '10.0.0.2']);
  expect(asked).toEqual(['chat.internal']);
  expect(known).toEqual(['http://10.0.0.2:8081', 'http://[::1]:8081']);
});

test(`${MAX_ADDRESSES} addresses of a name count; one more is left out, and the log says so`, async () => {
  const some = Array.from({ length: MAX_ADDRESSES + 1 }, (_, n) => `10.0.0.${n}`);
  const at = await openOnce('http://chat.internal:8081', some.slice(1));
  expect(at.known).toHaveLength(MAX_ADDRESSES);
  expect(at.log.text).toBe('');
  const past = await openOnce('http://chat.internal:8081', some);
  expect(past.known).toHaveLength(MAX_ADDRESSES);
  expect(past.log.text).toMatch(`more than ${MAX_ADDRESSES} addresses`);
});
