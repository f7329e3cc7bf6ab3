// `maru backup`: a copy of the data folder as it is at one moment, also while a server writes to it.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite';
import {
  BACKUP_FILES,
  type BackupFile,
  type BackupManifest,
  fingerprint,
  MANIFEST,
} from './backup-manifest.ts';
import { explainFault } from './store/storage-fault.ts';
import { VERSION } from './version.ts';

export type BackupOptions = {
  readonly dataDir: string;
  /** Made; may be there if it is empty. */
  readonly folder: string;
  /** 0 … 1, often. */
  readonly onProgress?: (file: BackupFile, share: number) => void;
};

/** Of 4 KiB each: between two steps other work of this process gets its turn. */
const PAGES_PER_STEP = 2_000;
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Writes beside the folder and renames at the end: it is there as a whole, or not at all. Its databases are plain files
 * without a write-ahead log.
 *
 * chat.db is taken as it is when this begins, identity.db a moment later: an account is made before its person can be in
 * a room, so whoever the first names is in the second. Both are read in a transaction that stays open: what is committed
 * meanwhile changes nothing in the copy, and does not make SQLite begin it anew.
 *
 * @throws Error for people
 */
export async function backUp(options: BackupOptions): Promise<BackupManifest> {
  const { dataDir, onProgress = () => {} } = options;
  const folder = resolve(options.folder);
  const files = BACKUP_FILES.filter((name) => existsSync(join(dataDir, name)));
  if (!files.some(isDatabase)) throw new Error(`there is no data of Maru in ${dataDir}`);
  requireEmpty(folder);

  const draft = `${folder}.${randomBytes(4).toString('hex')}.partial`;
  const removeDraft = () => rmSync(draft, { recursive: true, force: true });
  process.once('exit', removeDraft);
  const sources = new Map<BackupFile, DatabaseSync>();
  try {
    mkdirSync(dirname(folder), { recursive: true });
    mkdirSync(draft, { mode: 0o700 });
    const takenAt = new Date().toISOString();
    for (const name of files.filter(isDatabase)) sources.set(name, openSnapshot(join(dataDir, name)));
    for (const name of files) {
      const target = join(draft, name);
      // Before anything is in it: nobody else may read it, not for a moment.
      closeSync(openSync(target, 'wx', 0o600));
      const source = sources.get(name);
      if (source === undefined) copyFileSync(join(dataDir, name), target);
      else await copy(source, target, (share) => onProgress(name, share));
    }
    const manifest: BackupManifest = {
      format: 1,
      version: VERSION,
      takenAt,
      files: await Promise.all(
        files.map(async (name) => ({ name, ...(await fingerprint(join(draft, name))) })),
      ),
    };
    writeFileSync(join(draft, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    for (const name of [...files, MANIFEST, '.']) flush(join(draft, name));
    renameSync(draft, folder);
    flush(dirname(folder));
    return manifest;
  } catch (cause) {
    throw new Error(`cannot back up to ${folder}: ${explainFault(cause)}`, { cause });
  } finally {
    for (const source of sources.values()) source.close();
    removeDraft();
    process.off('exit', removeDraft);
  }
}

/** What a file or folder holds is on the disk when this returns. */
export function flush(path: string): void {
  // Windows opens no folders.
  if (process.platform === 'win32') return;
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function isDatabase(name: BackupFile): boolean {
  return name.endsWith('.db');
}

/** Its first read fixes what it sees, for as long as it is open. */
function openSnapshot(path: string): DatabaseSync {
  const source = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}

async function copy(
  source: DatabaseSync,
  target: string,
  onProgress: (share: number) => void,
): Promise<void> {
  await copyDatabase(source, target, {
    rate: PAGES_PER_STEP,
    progress: ({ totalPages, remainingPages }) => onProgress(1 - remainingPages / totalPages),
  });
  const copied = new DatabaseSync(target);
  try {
    // The log is a file beside it: without it the copy is one file, and reading it makes no other.
    copied.exec('PRAGMA journal_mode = delete');
  } finally {
    copied.close();
  }
}

function requireEmpty(folder: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
    throw new Error(`cannot back up to ${folder}: ${explainFault(cause)}`, { cause });
  }
  if (names.length > 0) throw new Error(`cannot back up to ${folder}: it is not empty`);
}
