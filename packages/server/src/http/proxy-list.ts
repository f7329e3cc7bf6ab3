// The proxies whose word on a client is believed: how an entry is written, and who is one.
import { BlockList, type IPVersion, isIP } from 'node:net';

/** Whoever is asked about is a trusted proxy; what is no address is none. */
export type ProxyCheck = (address: string) => boolean;

type Entry = { readonly address: string; readonly family: IPVersion; readonly prefix: number };

const FAMILIES: Readonly<Record<number, { readonly family: IPVersion; readonly bits: number }>> = {
  4: { family: 'ipv4', bits: 32 },
  6: { family: 'ipv6', bits: 128 },
};

/** Whether `entry` is what a list of trusted proxies takes: an address (`10.0.0.1`) or a CIDR range (`10.0.0.0/8`). */
export function isProxyEntry(entry: string): boolean {
  return parseEntry(entry) !== undefined;
}

/** @throws TypeError naming the first entry that is neither an address nor a CIDR range. */
export function createProxyCheck(entries: readonly string[]): ProxyCheck {
  const list = new BlockList();
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if (parsed === undefined) {
      throw new TypeError(`"${entry}" is no address or CIDR range, such as 10.0.0.0/8`);
    }
    list.addSubnet(parsed.address, parsed.prefix, parsed.family);
  }
  return (address) => {
    const known = FAMILIES[isIP(address)];
    return known !== undefined && list.check(address, known.family);
  };
}

function parseEntry(entry: string): Entry | undefined {
  // No zone (`%eth0`): BlockList drops it, and would trust that address on every link.
  const [, address = '', prefix] = /^([0-9a-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(entry) ?? [];
  const known = FAMILIES[isIP(address)];
  if (known === undefined) return undefined;
  const length = Number(prefix ?? known.bits);
  return length <= known.bits ? { address, family: known.family, prefix: length } : undefined;
}
