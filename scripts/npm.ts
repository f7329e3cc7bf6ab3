// npm for our scripts, run by the Node it came with: an old npm fails on a new Node, and node_modules/.bin puts a new one in front.
import { spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { basename, delimiter, join, normalize } from 'node:path';

type Npm = { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv };

/** What npm tells its scripts about the folder it works in, and how quiet it is: the npm started here finds its own. */
const OF_THE_OUTER_NPM = /^npm_(config_local_prefix|config_loglevel|package_|lifecycle_)|^INIT_CWD$/;

/** @returns npm's standard output. Rejects with all that it said. */
export async function runNpm(folder: string, args: readonly string[]): Promise<string> {
  const npm = findNpm(process.env);
  const child = spawn(npm.command, [...npm.args, ...args], {
    cwd: folder,
    env: npm.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed with exit code ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** The npm that runs us, or else the first one on the PATH. */
export function findNpm(variables: NodeJS.ProcessEnv): Npm {
  const folders = (variables.PATH ?? variables.Path ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !normalize(folder).endsWith(join('node_modules', '.bin')));
  const own = Object.entries(variables).filter(([name]) => !OF_THE_OUTER_NPM.test(name));
  const env = { ...Object.fromEntries(own), PATH: folders.join(delimiter) };

  const given = variables.npm_execpath;
  // yarn and pnpm set the same variable.
  if (given !== undefined && /^npm-cli\.c?js$/.test(basename(given)) && isFile(given)) {
    return { command: variables.npm_node_execpath ?? process.execPath, args: [given], env };
  }
  const windows = process.platform === 'win32';
  for (const folder of folders) {
    const launcher = join(folder, 'npm');
    if (!isFile(launcher)) continue;
    const script = windows
      ? join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')
      : realpathSync(launcher);
    if (!script.endsWith('.js') || !isFile(script)) return { command: launcher, args: [], env };
    const node = join(folder, windows ? 'node.exe' : 'node');
    return { command: isFile(node) ? node : process.execPath, args: [script], env };
  }
  throw new Error('npm was not found: it is neither running this nor on the PATH; install npm');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
