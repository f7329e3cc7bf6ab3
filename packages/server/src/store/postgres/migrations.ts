// The schema's steps in order, and the way from any earlier one to the newest, with several programs at once.
import type { Link } from './connection.ts';
import type { PostgresMigration } from './migration.ts';
import { log } from './migration-0001-log.ts';

/** Only ever appended to: a released step is never changed, renamed or moved. */
export const POSTGRES_MIGRATIONS: readonly PostgresMigration[] = [log];

/** Any number that nobody else locks: one program migrates, the others wait. */
const LOCK = 7_211_806_135;

/** Which steps the database has yet to make. Throws if it has some that this program can't work with. */
export async function pendingMigrations(
  link: Link,
  migrations: readonly PostgresMigration[] = POSTGRES_MIGRATIONS,
): Promise<readonly PostgresMigration[]> {
  const [found] = await link.send([
    { sql: "SELECT to_regclass('maru_migrations') IS NOT NULL AS there", values: [] },
  ]);
  const { there } = (found?.rows[0] ?? {}) as { there?: boolean };
  if (there !== true) return migrations;
  const [listed] = await link.send([
    { sql: 'SELECT name, kind FROM maru_migrations ORDER BY position', values: [] },
  ]);
  const applied = (listed?.rows ?? []) as readonly Pick<PostgresMigration, 'name' | 'kind'>[];
  for (const [index, { name, kind }] of applied.entries()) {
    const known = migrations[index]?.name;
    if (name === known || (known === undefined && kind === 'expand')) continue;
    throw new Error(
      `the database was migrated by another, newer Maru: it has the step "${name}" where this one knows ` +
        `${known === undefined ? `none after "${migrations.at(-1)?.name}"` : `"${known}"`}`,
    );
  }
  return migrations.slice(applied.length);
}

/** Makes the steps that are missing, each in a transaction of its own. @returns their names. */
export async function migratePostgres(
  link: Link,
  migrations: readonly PostgresMigration[] = POSTGRES_MIGRATIONS,
): Promise<readonly string[]> {
  const done: string[] = [];
  for (;;) {
    await link.script(
      `BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(${LOCK})`,
    );
    const [next] = await pendingMigrations(link, migrations);
    if (next === undefined) {
      await link.script('COMMIT');
      return done;
    }
    const position = migrations.indexOf(next) + 1;
    try {
      await link.script(`
        CREATE TABLE IF NOT EXISTS maru_migrations
          (position int PRIMARY KEY, name text NOT NULL, kind text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
        ${next.sql};
        INSERT INTO maru_migrations (position, name, kind) VALUES (${position}, '${next.name}', '${next.kind}');
        COMMIT`);
    } catch (cause) {
      throw new Error(
        `the migration "${next.name}" failed: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    }
    done.push(next.name);
  }
}
