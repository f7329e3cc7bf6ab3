// npm is found: the one that runs us, or the one that a person would run, each with its own Node.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findNpm, runNpm } from '../npm.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-npm-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A folder of programs, as on a PATH, in which npm is a link to its script, as it is installed. */
function installed(name: string, withNode: boolean): { bin: string; script: string } {
  const script = join(folder, name, 'lib/npm/bin/npm-cli.js');
  const bin = join(folder, name, 'bin');
  mkdirSync(join(script, '..'), { recursive: true });
  mkdirSync(bin);
  writeFileSync(script, '');
  symlinkSync(script, join(bin, 'npm'));
  if (withNode) writeFileSync(join(bin, 'node'), '');
  return { bin, script };
}

describe('npm', () => {
  test('is the one that runs us, on its own Node', () => {
    const { bin, script } = installed('given', true);
    const other = installed('other', true);
    const variables = { npm_execpath: script, npm_node_execpath: join(bin, 'node'), PATH: other.bin };
    expect(findNpm(variables)).toMatchObject({ command: join(bin, 'node'), args: [script] });
  });

  test('is the first on the PATH when we are run by hand, or by yarn, on the Node beside it', () => {
    const { bin, script } = installed('by-hand', true);
    const found = { command: join(bin, 'node'), args: [script] };
    const path = [join(folder, 'empty'), bin, installed('later', true).bin].join(delimiter);
    expect(findNpm({ PATH: path })).toMatchObject(found);
    expect(findNpm({ PATH: path, npm_execpath: join(folder, 'yarn.js') })).toMatchObject(found);
  });

  test('runs on our Node when none is beside it, never on one of node_modules/.bin', () => {
    const { bin, script } = installed('alone', false);
    const own = join(folder, 'node_modules/.bin');
    mkdirSync(own, { recursive: true });
    for (const program of ['npm', 'node']) writeFileSync(join(own, program), '');
    expect(findNpm({ PATH: [own, bin].join(delimiter) })).toEqual({
      command: process.execPath,
      args: [script],
      env: { PATH: bin },
    });
  });

  test('that is a program of another kind is run as it is', () => {
    const bin = join(folder, 'wrapped');
    mkdirSync(bin);
    writeFileSync(join(bin, 'npm'), '#!/bin/sh\n');
    expect(findNpm({ PATH: bin })).toMatchObject({ command: join(bin, 'npm'), args: [] });
  });

  test('that is nowhere is said in a line', () => {
    expect(() => findNpm({ PATH: join(folder, 'empty') })).toThrow(
      'npm was not found: it is neither running this nor on the PATH; install npm',
    );
  });

  test('hears nothing of the folder that an outer npm works in, and the rest', () => {
    const { bin } = installed('env', true);
    const outer = {
      npm_config_local_prefix: '/elsewhere',
      npm_package_name: 'maru',
      npm_lifecycle_event: 'test',
      INIT_CWD: '/elsewhere',
    };
    const kept = { npm_config_cache: '/cache', HOME: '/home/ann' };
    expect(findNpm({ PATH: bin, ...outer, ...kept }).env).toEqual({ PATH: bin, ...kept });
  });

  test('tells its answer, and all that it said when it failed', async () => {
    expect(await runNpm(folder, ['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
    await expect(runNpm(folder, ['pack'])).rejects.toThrow(
      /npm pack failed with exit code \d+:\n[\s\S]*package\.json/,
    );
  });
});
