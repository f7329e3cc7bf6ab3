// What a backup says of itself: `backup.json`, written last and checked before anything is restored.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';

/** What of a data folder is backed up, if it is there. The locks of a running process are not. */
export const BACKUP_FILES = ['chat.db', 'identity.db', 'secrets.json'] as const;
export type BackupFile = (typeof BACKUP_FILES)[number];

export const MANIFEST = 'backup.json';

const manifestSchema = z.strictObject({
  /** Counts up when a backup changes so that an older Maru could not restore it. */
  format: z.literal(1),
  /** The Maru that made it. */
  version: z.string(),
  /** ISO 8601: everything committed before is in it. */
  takenAt: z.iso.datetime(),
  files: z
    .array(
      z.strictObject({
        // Nothing else: a name is made a path.
        name: z.enum(BACKUP_FILES),
        octets: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1),
});
export type BackupManifest = Readonly<z.infer<typeof manifestSchema>>;

/** The manifest of a backup whose files are all there and as they were written. @throws Error for people */
export async function readBackup(folder: string): Promise<BackupManifest> {
  const manifest = readManifest(folder);
  for (const { name, octets, sha256 } of manifest.files) {
    const found = await fingerprint(join(folder, name)).catch((cause: unknown) => {
      throw new Error(`the backup ${folder} is not whole: ${name} cannot be read`, { cause });
    });
    if (found.octets !== octets || found.sha256 !== sha256) {
      throw new Error(`the backup ${folder} is not as it was made: ${name} has changed`);
    }
  }
  return manifest;
}

function readManifest(folder: string): BackupManifest {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch (cause) {
    throw new Error(`${folder} is no backup of Maru: it has no ${MANIFEST} that can be read`, { cause });
  }
  const { success, data } = manifestSchema.safeParse(content);
  if (!success)
    throw new Error(`${folder} is no backup that this Maru knows: its ${MANIFEST} is another one`);
  return data;
}

export async function fingerprint(
  path: string,
): Promise<{ readonly octets: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let octets = 0;
  await pipeline(createReadStream(path), async (chunks) => {
    for await (const chunk of chunks) {
      octets += chunk.length;
      hash.update(chunk);
    }
  });
  return { octets, sha256: hash.digest('hex') };
}
