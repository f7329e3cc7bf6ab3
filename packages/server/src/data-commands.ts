// The commands about the data folder, as they print: `maru backup`, `maru restore`, `maru verify`. Each answers whether all is well.
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { backUp } from './backup.ts';
import type { BackupManifest } from './backup-manifest.ts';
import { restore } from './restore.ts';
import { verify } from './verify.ts';

const SECOND_MS = 1_000;
/** From this size on of a chat.db a check takes long enough to say which one runs. */
const BIG_OCTETS = 64 * 2 ** 20;

export async function printBackup(dataDir: string, folder: string): Promise<boolean> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  let saidAt = performance.now();
  const { files } = await backUp({
    dataDir,
    folder,
    onProgress: (file, share) => {
      if (performance.now() - saidAt < SECOND_MS) return;
      saidAt = performance.now();
      console.error(`maru: ${file}: ${Math.floor(share * 100)} % copied`);
    },
  });
  for (const { name, octets } of files) console.log(`${name.padEnd(14)}${octets} octets`);
  console.log(`Backed up ${dataDir} to ${resolve(folder)}.`);
  if (needsSecret(files)) {
    console.log('identity.secret is a setting of yours and not in it: keep it as well.');
  }
  return true;
}

export async function printRestore(dataDir: string, folder: string): Promise<boolean> {
  const { manifest, rooms } = await restore(folder, dataDir);
  const names = manifest.files.map(({ name }) => name).join(', ');
  console.log(`Restored ${names} of ${manifest.takenAt} into ${dataDir}.
Logs with a new epoch: ${rooms}. Clients that read on from where they were get reset-required, and read the history anew.
Next: maru verify, then maru start, both with this dataDir${
    needsSecret(manifest.files) ? ' and the identity.secret of before' : ''
  }.`);
  return true;
}

/** The signing keys in identity.db are encrypted with a secret that is not in the backup. */
function needsSecret(files: BackupManifest['files']): boolean {
  const has = (file: string) => files.some(({ name }) => name === file);
  return has('identity.db') && !has('secrets.json');
}

/** Problems go to standard output, a line each. */
export function printVerification(dataDir: string, options: { quick: boolean; json: boolean }): boolean {
  const size = statSync(join(dataDir, 'chat.db'), { throwIfNoEntry: false })?.size ?? 0;
  const found = verify({
    dataDir,
    quick: options.quick,
    onCheck: (file, check) => {
      if (size >= BIG_OCTETS) console.error(`maru: ${file}: checking that ${check}`);
    },
  });
  const { problems, rooms, entries } = found;
  if (options.json) console.log(JSON.stringify({ dataDir, ...found }, null, 2));
  else {
    for (const { file, check, problem } of problems) console.log(`${file}: ${problem}   (${check})`);
    console.log(
      problems.length > 0
        ? `Problems in ${dataDir}: ${problems.length}. What to do: docs/operations.md, "When the disk fails"`
        : `No problem in ${dataDir}${rooms === null ? '' : `; rooms: ${rooms}, entries: ${entries}`}.`,
    );
  }
  return problems.length === 0;
}
