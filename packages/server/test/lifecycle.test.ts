// What was opened is closed: once, in reverse order, whatever fails on the way.
import { describe, expect, test } from 'vitest';
import { Lifecycle, type Opened } from '../src/lifecycle.ts';

/** Opens `first` and `second` and drains both, noting what happens; `fail` is thrown where its name says. */
function lifecycleOf(log: string[], fails: Readonly<Record<string, Error>> = {}, after = Promise.resolve()) {
  const step = async (name: string) => {
    log.push(name);
    if (fails[name] !== undefined) throw fails[name];
  };
  return new Lifecycle(async (opened: Opened) => {
    for (const part of ['first', 'second']) {
      await after;
      await step(`open ${part}`);
      opened.close(() => step(`close ${part}`));
      opened.drain(() => step(`drain ${part}`));
    }
    return 'open';
  });
}

const ENDS = ['drain first', 'drain second', 'close second', 'close first'];

describe('a life', () => {
  test('starts, sends clients away, closes what was opened last first', async () => {
    const log: string[] = [];
    const life = lifecycleOf(log);
    expect(await life.start()).toBe('open');
    await life.close();
    expect(log).toEqual(['open first', 'open second', ...ENDS]);
  });

  test('is started once', async () => {
    const life = lifecycleOf([]);
    await life.start();
    await expect(life.start()).rejects.toThrow('was started before');
    await life.close();
    await expect(life.start()).rejects.toThrow('was closed');
  });

  test('closes once, however often it is asked', async () => {
    const log: string[] = [];
    const life = lifecycleOf(log);
    await life.start();
    await Promise.all([life.close(), life.close()]);
    await life.close();
    expect(log.slice(2)).toEqual(ENDS);
  });

  test('may be closed before it starts, and stays closed', async () => {
    const log: string[] = [];
    const life = lifecycleOf(log);
    await life.close();
    await expect(life.start()).rejects.toThrow('was closed');
    expect(log).toEqual([]);
  });

  test('closed while it starts, it closes what the start has opened', async () => {
    const log: string[] = [];
    const gate = Promise.withResolvers<void>();
    const life = lifecycleOf(log, {}, gate.promise);
    const started = life.start();
    const closed = life.close();
    gate.resolve();
    expect(await started).toBe('open');
    await closed;
    expect(log).toEqual(['open first', 'open second', ...ENDS]);
  });

  test('a start that fails closes what it had opened, and says why it failed', async () => {
    const log: string[] = [];
    const failure = new Error('the port is in use');
    const life = lifecycleOf(log, { 'open second': failure });
    await expect(life.start()).rejects.toBe(failure);
    expect(log).toEqual(['open first', 'open second', 'drain first', 'close first']);
    await life.close();
    expect(log).toHaveLength(4);
  });

  test('a part that cannot be closed does not keep the others open', async () => {
    const log: string[] = [];
    const failure = new Error('the file is gone');
    const life = lifecycleOf(log, { 'drain first': failure });
    await life.start();
    await expect(life.close()).rejects.toBe(failure);
    expect(log.slice(2)).toEqual(ENDS);
  });

  test('when several fail, all are told', async () => {
    const failures = { 'drain first': new Error('one'), 'close first': new Error('two') };
    const life = lifecycleOf([], failures);
    await life.start();
    await expect(life.close()).rejects.toMatchObject({ errors: Object.values(failures) });
    const start = new Error('zero');
    const failing = lifecycleOf([], { 'open second': start, 'close first': failures['close first'] });
    await expect(failing.start()).rejects.toMatchObject({ errors: [start, failures['close first']] });
  });
});
