// What people write: texts that have broken a client or a server somewhere.
import { MAX_CONTENT_OCTETS } from '@maru/contract';

const octetsOf = (text: string): number => Buffer.byteLength(text);

/**
 * As long as a message may be. Clients split at 8 Ki or 16 Ki UTF-16 units or octets, and some then send halves of a
 * character as text, which nobody could put together: around there it is ASCII, between it is not.
 */
function ofAllKinds(): string {
  const ascii = 'Maru 0123456789 '.repeat(576);
  const rest = MAX_CONTENT_OCTETS - octetsOf(ascii);
  const others = '안녕하세요 🏡👩‍👩‍👧‍👦 ';
  const between = others.repeat(Math.floor((rest - 1024) / octetsOf(others)));
  return ascii + between + '.'.repeat(rest - octetsOf(between));
}

export const MESSAGES: Readonly<Record<string, string>> = {
  ASCII: 'Hello, Maru',
  Korean: '안녕하세요, 마루에 오신 것을 환영합니다',
  emoji: '🏡 👩‍👩‍👧‍👦 🇰🇷 ❤️‍🔥 👍🏽',
  quotes: `"double" 'single' \\back\\slash\\ a:colon and a \\n that is none`,
  newlines: '\none\r\ntwo\n\n\tthree\n',
  'what ends a frame': 'before \u0000 after\n\n\u0000',
  '16 KiB of ASCII': 'x'.repeat(MAX_CONTENT_OCTETS),
  '16 KiB of all kinds': ofAllKinds(),
};
