// `maru verify`: reads the databases of a data folder through and tells what is wrong in them. Writes nothing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LOG_CHECKS } from './store/log-checks.ts';
import { MIGRATIONS } from './store/migrations/index.ts';

type Problem = {
  readonly file: string;
  /** Which check found it. */
  readonly check: string;
  readonly problem: string;
};

export type Verification = {
  readonly problems: readonly Problem[];
  /** Rows of chat.db; `null` where they could not be counted. */
  readonly rooms: number | null;
  readonly entries: number | null;
};

export type VerifyOptions = {
  readonly dataDir: string;
  /** Leaves out whether each index agrees with its table. */
  readonly quick: boolean;
  /** Before each check. */
  readonly onCheck?: (file: string, check: string) => void;
};

/** One damage may be seen at every row after it; past this the rest of a check is one line. */
const MOST_PROBLEMS = 100;
const BUSY_TIMEOUT_MS = 5_000;

/** Also while a server runs: each file is read at one moment, in one transaction. @throws Error for people: no data */
export function verify({ dataDir, quick, onCheck = () => {} }: VerifyOptions): Verification {
  const files = ['chat.db', 'identity.db'].filter((name) => existsSync(join(dataDir, name)));
  if (files.length === 0) throw new Error(`there is no data of Maru in ${dataDir}`);
  const problems: Problem[] = [];
  let counts: Pick<Verification, 'rooms' | 'entries'> = { rooms: null, entries: null };

  for (const file of files) {
    const tell = (check: string, problem: string) => problems.push({ file, check, problem });
    /** A check that a damaged page stops is a problem as well. */
    const run = (check: string, action: () => void) => {
      onCheck(file, check);
      try {
        action();
      } catch (error) {
        tell(check, `stopped: ${error instanceof Error ? error.message : error}`);
      }
    };
    run('the file can be read', () => {
      const db = new DatabaseSync(join(dataDir, file), { readOnly: true, timeout: BUSY_TIMEOUT_MS });
      try {
        db.exec('PRAGMA cache_size = -65536; PRAGMA trusted_schema = off; BEGIN');
        checkFile(db, quick, run, tell);
        if (file === 'chat.db' && isCurrent(db, tell)) {
          for (const { name, sql } of LOG_CHECKS) run(name, () => list(db, sql, 'problem', name, tell));
          counts = count(db);
        }
      } finally {
        db.close();
      }
    });
  }
  return { problems, ...counts };
}

type Run = (check: string, action: () => void) => void;
type Tell = (check: string, problem: string) => void;

function checkFile(db: DatabaseSync, quick: boolean, run: Run, tell: Tell): void {
  const pragma = quick ? 'quick_check' : 'integrity_check';
  const whole = 'the file is whole';
  run(whole, () => list(db, `PRAGMA ${pragma}(${MOST_PROBLEMS + 1})`, pragma, whole, tell));
  const references = 'every row is of a room that is there';
  run(references, () => {
    const sql = `SELECT printf('%s: a row refers to a row of %s that is not there', "table", parent) AS problem
      FROM pragma_foreign_key_check`;
    list(db, sql, 'problem', references, tell);
  });
}

/** Each line of each row's `column` is a problem, but those in which SQLite says that there is none, or in which file. */
function list(db: DatabaseSync, sql: string, column: string, check: string, tell: Tell): void {
  let problems = 0;
  for (const row of db.prepare(sql).iterate()) {
    for (const line of String(row[column]).split('\n')) {
      if (line === 'ok' || line.startsWith('***')) continue;
      problems += 1;
      if (problems > MOST_PROBLEMS) {
        tell(check, 'there are more of these');
        return;
      }
      tell(check, line);
    }
  }
}

/** The checks know the newest tables only. */
function isCurrent(db: DatabaseSync, tell: Tell): boolean {
  const applied = db.prepare('SELECT name FROM migrations ORDER BY position').all();
  if (applied.map(({ name }) => name).join() === MIGRATIONS.map(({ name }) => name).join()) return true;
  tell('it is of this version', 'it was written by another version of Maru: verify it with that one');
  return false;
}

function count(db: DatabaseSync): { rooms: number; entries: number } {
  const row = db.prepare('SELECT count(*) AS rooms, sum(head) AS entries FROM rooms').get();
  return { rooms: Number(row?.rooms), entries: Number(row?.entries ?? 0) };
}
