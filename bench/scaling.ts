// What do 10,000 to 3,000,000 connected users need: services, bus, database? A model, not a measurement; its inputs are in scaling/.
// Run: node bench/scaling.ts
import { COSTS } from './scaling/inputs.ts';
import { type Need, needOf } from './scaling/model.ts';

const USERS = [10_000, 100_000, 1_000_000, 3_000_000];

const count = (value: number) =>
  Number(value.toPrecision(value < 100 ? 2 : 3)).toLocaleString('en', { maximumFractionDigits: 1 });
const mega = (octets: number) => count(octets / 1e6);
const share = (part: number) => `${count(part * 100)} %`;

const ROWS: readonly [string, (need: Need) => string][] = [
  ['rooms', ({ rooms }) => count(rooms)],
  ['messages/s = rows/s', ({ messages }) => count(messages)],
  ['deliveries/s', ({ deliveries }) => count(deliveries)],
  ['chat services (a core each)', ({ chatServices }) => count(chatServices)],
  ['gateways (a core each)', ({ gateways }) => count(gateways)],
  ['rooms held by a chat service', ({ heldPerService }) => count(heldPerService)],
  ['bus: messages/s in → out', ({ busIn, busOut }) => `${count(busIn)} → ${count(busOut)}`],
  ['bus: MB/s out', ({ busOutOctets }) => mega(busOutOctets)],
  ['share of one NATS server', ({ busShare }) => share(busShare)],
  ['PostgreSQL: MB/s of write-ahead log', ({ walOctets }) => mega(walOctets)],
  ['share of one PostgreSQL (rows)', ({ rowsShare }) => share(rowsShare)],
  ['heads read/s, all services', ({ headsRead }) => count(headsRead)],
];

/** Markdown. */
export function needTable(): string {
  const needs = USERS.map((users) => needOf(users));
  return [
    `| connected users | ${needs.map(({ users }) => users.toLocaleString('en')).join(' | ')} |`,
    `|---|${needs.map(() => '---:|').join('')}`,
    ...ROWS.map(([name, of]) => `| ${name} | ${needs.map(of).join(' | ')} |`),
  ].join('\n');
}

/** Markdown. */
export function costTable(): string {
  return [
    '| what | costs | from |',
    '|---|---:|---|',
    ...Object.values(COSTS).map(
      ({ value, unit, from }) => `| ${unit} | ${value.toLocaleString('en')} | ${from} |`,
    ),
  ].join('\n');
}

if (import.meta.main) console.log(`${costTable()}\n\n${needTable()}`);
