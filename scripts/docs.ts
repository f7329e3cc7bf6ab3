// `npm run docs`: writes the tables of the documentation anew from the code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TABLES, withTable } from './tables.ts';

for (const table of TABLES) {
  const file = join(import.meta.dirname, '..', table.file);
  writeFileSync(file, withTable(readFileSync(file, 'utf8'), table));
  console.log(`${table.file}: ${table.name}`);
}
