// The tables of the documentation that have a source in the code: errors and settings, as Markdown.
import { ERRORS } from '@maru/contract';
import { z } from 'zod';
import { readConfig, SETTINGS, variableOf } from '../packages/server/src/config.ts';

export type Table = { readonly file: string; readonly name: string; readonly markdown: string };

export const TABLES: readonly Table[] = [
  { file: 'docs/errors.md', name: 'errors', markdown: errorTable() },
  { file: 'docs/operations.md', name: 'settings', markdown: settingTable() },
];

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { message, status, close, retry }]) =>
      `| \`${code}\` | ${message} | ${status} | ${close} | ${retry} |`,
  );
  return ['| code | message | HTTP status | close code | repeat it |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
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
