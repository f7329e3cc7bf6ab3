// `maru restore`: a backup into a data folder of its own, with a new epoch for every log.
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nanoid } from 'nanoid';
import { flush } from './backup.ts';
import { type BackupManifest, readBackup } from './backup-manifest.ts';
import { createDataFolder, lockDataFolder } from './store/data-folder.ts';
import { EPOCH_LENGTH } from './store/room-creation.ts';
import { explainFault } from './store/storage-fault.ts';

export type Restored = { readonly manifest: BackupManifest; readonly rooms: number };

/**
 * A restored log goes on from an old seq: what comes then would have numbers that other messages had before. The new epoch
 * tells clients that theirs are of another log.
 *
 * @param dataDir made; may be there if it is empty. After a failure it is empty again.
 * @throws Error for people
 */
export async function restore(backup: string, dataDir: string): Promise<Restored> {
  const manifest = await readBackup(backup);
  requireEmpty(dataDir);
  createDataFolder(dataDir);
  // Held to the end: a server that is started meanwhile says so and ends.
  const lock = lockDataFolder(dataDir);
  try {
    let rooms = 0;
    const draftOf = (name: string) => join(dataDir, `${name}.restoring`);
    for (const { name } of manifest.files) {
      copyFileSync(join(backup, name), draftOf(name));
      chmodSync(draftOf(name), 0o600);
      if (name === 'chat.db') rooms = renewEpochs(draftOf(name));
      flush(draftOf(name));
    }
    for (const { name } of manifest.files) renameSync(draftOf(name), join(dataDir, name));
    // Of an identity service alone there is none.
    if (!manifest.files.some(({ name }) => name === 'chat.db')) rmSync(join(dataDir, 'chat.db'));
    flush(dataDir);
    return { manifest, rooms };
  } catch (cause) {
    for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { force: true });
    throw new Error(`cannot restore into ${dataDir}: ${explainFault(cause)}`, { cause });
  } finally {
    lock.release();
  }
}

/** @returns how many rooms there are */
function renewEpochs(path: string): number {
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA synchronous = extra');
    db.function('new_epoch', () => nanoid(EPOCH_LENGTH));
    return Number(db.prepare('UPDATE rooms SET epoch = new_epoch()').run().changes);
  } finally {
    db.close();
  }
}

function requireEmpty(dataDir: string): void {
  let names: readonly string[];
  try {
    names = readdirSync(dataDir);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
    throw new Error(`cannot restore into ${dataDir}: ${explainFault(cause)}`, { cause });
  }
  if (names.length === 0) return;
  // Says so if a server uses it.
  if (names.includes('chat.lock')) lockDataFolder(dataDir).release();
  throw new Error(`cannot restore into ${dataDir}: it is not empty; set dataDir to a new folder`);
}
