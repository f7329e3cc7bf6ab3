// Whether the process can do its work: what `/readyz` answers.

/** Resolves when the part works; rejects with what is wrong. */
export type Check = () => Promise<unknown>;

export type Report = {
  readonly status: 'starting' | 'ready' | 'draining' | 'failed';
  /** `ok`, or what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
};

const CHECK_WITHIN_MS = 2_000;

/**
 * States: *starting* → *ready* → *draining*; *failed* from each of them, and for good. While *ready*, a check that fails
 * makes it *failed* for as long as it does.
 */
export class Readiness {
  readonly #checks = new Map<string, Check>();
  #state: Report['status'] = 'starting';

  /** @param name what it is called in the answer */
  watch(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  ready(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  drain(): void {
    if (this.#state !== 'failed') this.#state = 'draining';
  }

  fail(): void {
    this.#state = 'failed';
  }

  async report(): Promise<Report> {
    const results = await Promise.all(
      Array.from(this.#checks, async ([name, check]) => [name, await resultOf(check)] as const),
    );
    const fails = results.some(([, result]) => result !== 'ok');
    return {
      status: this.#state === 'ready' && fails ? 'failed' : this.#state,
      checks: Object.fromEntries(results),
    };
  }
}

async function resultOf(check: Check): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_WITHIN_MS} ms`)), CHECK_WITHIN_MS);
  });
  try {
    await Promise.race([check(), late]);
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
