// The tables of the documentation that have a source in the code: errors, settings, limits and metrics, as Markdown.
import { ERRORS, MaruError } from '@maru/contract';
import { z } from 'zod';
import { costTable, needTable } from '../bench/scaling.ts';
import { readConfig, SETTINGS, variableOf } from '../packages/server/src/config.ts';
import { LIMITS, type Limit, type LimitFacts } from '../packages/server/src/limit-table.ts';
import { METRICS } from '../packages/server/src/telemetry/metric-table.ts';

export type Table = { readonly file: string; readonly name: string; readonly markdown: string };

export const TABLES: readonly Table[] = [
  { file: 'docs/errors.md', name: 'errors', markdown: errorTable() },
  { file: 'docs/operations.md', name: 'settings', markdown: settingTable() },
  { file: 'docs/operations.md', name: 'metrics', markdown: metricTable() },
  { file: 'docs/limits.md', name: 'limits', markdown: limitTable() },
  { file: 'docs/scaling.md', name: 'needs', markdown: needTable() },
  { file: 'docs/scaling.md', name: 'costs', markdown: costTable() },
];

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(([code, { message, status, close, retry, ...facts }]) => {
    const softly = 'soft' in facts ? 'yes' : '–';
    return `| \`${code}\` | ${message} | ${status} | ${close} | ${softly} | ${retry} |`;
  });
  const head = [
    '| code | message | HTTP status | close code | soft | repeat it |',
    '|---|---|---|---|---|---|',
  ];
  return [...head, ...rows].join('\n');
}

function settingTable(): string {
  const defaults: unknown = readConfig({}, {});
  const rows = [...SETTINGS].map(([path, schema]) => {
    const given = fill(schema);
    const value =
      given ??
      path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], defaults);
    const shown = given === undefined ? '–' : `\`${JSON.stringify(value)}\``;
    return `| \`${path}\` | \`${variableOf(path)}\` | ${shown} | ${schema.description ?? ''} |`;
  });
  return ['| setting | variable | default | what it is |', '|---|---|---|---|', ...rows].join('\n');
}

function metricTable(): string {
  const rows = Object.entries(METRICS).map(
    ([name, { kind, labels, help }]) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return ['| metric | kind | labels | what it says |', '|---|---|---|---|', ...rows].join('\n');
}

function limitTable(): string {
  const { chat } = readConfig({}, {});
  const rows = (Object.entries(LIMITS) as [Limit, LimitFacts][]).map(([name, facts]) => {
    const shown = chat[name].toLocaleString('en');
    const metrics = [seriesOf(facts), ...(facts.gauge === undefined ? [] : [facts.gauge])];
    const metric = metrics.map((series) => `\`${series}\``).join('<br>');
    return `| \`chat.${name}\` | ${shown} | ${facts.bounds} | ${consequenceOf(facts)} | ${metric} |`;
  });
  const head = '| setting | default | what is bounded | past it | metric |';
  return [head, '|---|---|---|---|---|', ...rows].join('\n');
}

/** The series that moves when the limit is passed. */
function seriesOf({ past }: LimitFacts): string {
  if (past.kind === 'paused') return `maru_reads_paused_total{reason="${past.reason}"}`;
  return past.kind === 'cut' ? 'maru_session_closes_total' : `maru_refusals_total{code="${past.code}"}`;
}

function consequenceOf({ past }: LimitFacts): string {
  if (past.kind === 'paused') return `not read until ${past.until}; nothing is lost or refused`;
  if (past.kind === 'cut') return 'the connection ends; who waited sees 1006';
  const { close, status, soft } = new MaruError(past.code);
  switch (past.kind) {
    case 'error':
      return `ERROR \`${past.code}\`, close ${close}${soft && past.isHard !== true ? '; or a denial' : ''}`;
    case 'close':
      return `close ${close}, no ERROR`;
    case 'upgrade':
      return `${status} \`${past.code}\` with Retry-After; a page gets 101 and close ${close}`;
    case 'request':
      return `${status} \`${past.code}\``;
  }
}

/** The schema's own default; `undefined` where it has none, or where it is made from other settings. */
function fill(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodOptional) return undefined;
  const filled = schema.safeParse(undefined);
  return filled.success ? filled.data : undefined;
}

const begin = (name: string): string => `<!-- table: ${name} -->`;
const END = '<!-- end -->';

/** The page with the table's lines put between its marks. */
export function withTable(page: string, { name, markdown }: Table): string {
  const from = page.indexOf(begin(name));
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`the page has no marks for the table ${name}`);
  return `${page.slice(0, from)}${begin(name)}\n${markdown}\n${page.slice(to)}`;
}
