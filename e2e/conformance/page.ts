// docs/conformance.md, made from the kept reports: what each server was seen to do, and where they differ.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { CHECKS } from './checks/index.ts';
import { isRequired, type Report, type Result, readReport, type Verdict } from './result.ts';
import { NOT_FROM_OUTSIDE } from './rows.ts';

export const PAGE = join(import.meta.dirname, '../../docs/conformance.md');

/** The servers on the page, in the order of its columns; each is a file in `results`. */
const SERVERS = { maru: 'Maru', rabbitmq: 'RabbitMQ', spring: 'Spring' } as const;

type Column = { readonly title: string; readonly report: Report };

const SIGN: Readonly<Record<Verdict, string>> = { pass: '✓', fail: '✗', unseen: '?' };

const INTRODUCTION = `# Conformance

What STOMP servers do, seen from outside by one suite (\`e2e/conformance\`): raw frames over a raw WebSocket, no STOMP library and
none of Maru's own code. Every check is one sentence of the specification (or of what clients need), and names its row.
The suite runs in \`npm test\` against Maru in every topology, and against any server by

\`\`\`sh
npm run conformance -- --url ws://localhost:15674/ws --login guest --passcode guest --destination '/topic/conformance.{id}'
\`\`\`

\`npm run conformance -- --help\` lists the rest. This page is made by it (\`--write\`); a test compares page and reports.
\`node e2e/conformance/references.ts\` starts Maru and RabbitMQ (if it is installed) and does so for both; Spring was started by hand.

✓ met · ✗ not met · ? cannot be seen on that server · – not run. "✗ 1.0" means: not in 1.0, but in the other versions.
A level in brackets is a choice of Maru's own contract, which another server may make differently; the specification leaves it
open or says nothing. Where the specification binds the client (no body on SUBSCRIBE, no second use of an id), a server that
does not notice counts as not meeting it. A refusal is an ERROR, a close, or both; where the specification wants the ERROR the
check says so, and R07 and R10 ask for both.`;

export function writePage(): string {
  writeFileSync(PAGE, page());
  return 'docs/conformance.md';
}

export function page(): string {
  const columns = Object.entries(SERVERS).flatMap(([name, title]): Column[] => {
    const report = readReport(name);
    return report === undefined ? [] : [{ title, report }];
  });
  return `${[
    INTRODUCTION,
    '## What was looked at',
    ...columns.map(({ report }) => `- ${report.software} (${report.date})`),
    '',
    ...summary(columns),
    '## Every check',
    ...table(columns),
    '## What is not met, in words',
    ...columns.flatMap(differences),
    '## What no client can see',
    ...Object.entries(NOT_FROM_OUTSIDE).map(([row, reason]) => `- ${row}: ${reason}`),
  ]
    .join('\n')
    .replaceAll(/\n+(##+ .*)\n+/g, '\n\n$1\n\n')
    .trimEnd()}\n`;
}

const GROUPS: Readonly<Record<string, (result: Result) => boolean>> = {
  'MUST of STOMP': isRequired,
  'SHOULD of STOMP': ({ level, ours }) => level === 'SHOULD' && !ours,
  'MAY of STOMP': ({ level, ours }) => level === 'MAY' && !ours,
  "Maru's own contract": ({ ours }) => ours,
};

function summary(columns: readonly Column[]): string[] {
  const head = [`| met, in each version counted apart | ${columns.map(({ title }) => title).join(' | ')} |`];
  const rows = Object.entries(GROUPS).map(([name, belongs]) => {
    const cells = columns.map(({ report }) => {
      const group = report.results.filter(belongs);
      return `${group.filter(({ verdict }) => verdict === 'pass').length} of ${group.length}`;
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  return [...head, `|---|${columns.map(() => '---|').join('')}`, ...rows];
}

function table(columns: readonly Column[]): string[] {
  const rows = CHECKS.map((check) => {
    const level = check.ours ? `(${check.level})` : check.level;
    const cells = columns.map(({ report }) => cell(check, report));
    return `| ${check.row} | ${level} | ${check.versions.join(' ')} | ${escaped(check.requirement)} | ${cells.join(' | ')} |`;
  });
  return [
    `| row | level | versions | the server … | ${columns.map(({ title }) => title).join(' | ')} |`,
    `|---|---|---|---|${columns.map(() => '---|').join('')}`,
    ...rows,
  ];
}

const resultsOf = ({ row, requirement, versions }: Check, report: Report): Result[] =>
  report.results.filter(
    (result) => result.row === row && result.requirement === requirement && versions.includes(result.version),
  );

/** The verdict, if it is one in all versions; else those that are not met, with their versions. */
function cell(check: Check, report: Report): string {
  const results = resultsOf(check, report);
  const verdicts = new Set(results.map(({ verdict }) => verdict));
  const [only] = verdicts;
  if (only === undefined) return '–';
  if (verdicts.size === 1) return SIGN[only];
  return (['fail', 'unseen'] as const)
    .flatMap((verdict) => {
      const versions = results.filter((result) => result.verdict === verdict).map(({ version }) => version);
      return versions.length === 0 ? [] : [`${SIGN[verdict]} ${versions.join(' ')}`];
    })
    .join(', ');
}

function differences({ title, report }: Column): string[] {
  const lines = CHECKS.flatMap((check) => {
    const bySight = Map.groupBy(
      resultsOf(check, report).filter(({ verdict }) => verdict !== 'pass'),
      ({ verdict, seen }) => `${verdict}\n${seen}`,
    );
    return [...bySight.values()].map((results) => {
      const [first] = results;
      const level = check.ours ? `(${check.level})` : check.level;
      const versions = results.map(({ version }) => version).join(', ');
      const sign = first?.verdict === 'unseen' ? 'cannot be seen: ' : '';
      return `- ${check.row} ${level}, ${versions}: ${escaped(check.requirement)} — ${sign}${escaped(first?.seen ?? '')}`;
    });
  });
  return [`### ${title}`, ...(lines.length === 0 ? ['Everything is met.'] : lines)];
}

/** Text from a server must not become Markdown. */
function escaped(text: string): string {
  return text
    .replaceAll(/[\r\n]+/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll(/`([^`]*)`/g, (_, code: string) => `\`${code.replaceAll('&lt;', '<')}\``);
}
