// Escaping of header names and values (STOMP 1.2 and 1.1 §Value Encoding). CONNECT and CONNECTED never come here.
import { FrameError } from './errors.ts';
import type { Version } from './version.ts';

/** The letter after the backslash → what it stands for. */
const ESCAPES: Readonly<Record<Version, ReadonlyMap<string, string>>> = {
  '1.0': new Map(),
  '1.1': new Map([
    ['n', '\n'],
    ['c', ':'],
    ['\\', '\\'],
  ]),
  '1.2': new Map([
    ['r', '\r'],
    ['n', '\n'],
    ['c', ':'],
    ['\\', '\\'],
  ]),
};

const LETTERS: Readonly<Record<Version, ReadonlyMap<string, string>>> = {
  '1.0': new Map(),
  '1.1': inverse(ESCAPES['1.1']),
  '1.2': inverse(ESCAPES['1.2']),
};

/** What has to be escaped; 1.0 has no escapes. */
const SPECIAL: Readonly<Record<Version, RegExp | null>> = {
  '1.0': null,
  '1.1': /[\n:\\]/g,
  '1.2': /[\r\n:\\]/g,
};

function inverse(map: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...map].map(([letter, octet]) => [octet, `\\${letter}`]));
}

export function escapeHeader(text: string, version: Version): string {
  const special = SPECIAL[version];
  if (special === null || text.search(special) === -1) return text;
  return text.replace(special, (octet) => LETTERS[version].get(octet) ?? octet);
}

/** @throws FrameError `invalid-escape` on a sequence that the version does not define, a lone last backslash included. */
export function unescapeHeader(text: string, version: Version): string {
  let backslash = text.indexOf('\\');
  if (version === '1.0' || backslash === -1) return text;
  let plain = '';
  let from = 0;
  while (backslash !== -1) {
    const meant = ESCAPES[version].get(text.charAt(backslash + 1));
    if (meant === undefined) {
      throw new FrameError('invalid-escape', `STOMP ${version} does not define this escape sequence`);
    }
    plain += text.slice(from, backslash) + meant;
    from = backslash + 2;
    backslash = text.indexOf('\\', from);
  }
  return plain + text.slice(from);
}
