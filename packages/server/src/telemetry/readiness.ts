// Whether the process can do its work: what `/readyz` answers.

/** Resolves when the part works; rejects with what is wrong. */
export type Check = () => Promise<unknown>;

export type Report = {
  readonly status: 'starting' | 'ready' | 'degraded' | 'draining' | 'failed';
  /** `ok`, or what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
};

const CHECK_WITHIN_MS = 2_000;

/**
 * States: *starting* → *ready* → *draining*; *failed* from each of them, and for good. While *ready*, a check that fails
 * makes it *failed* for as long as it does, or *degraded* if the process does its work without that part.
 */
export class Readiness {
  readonly #checks = new Map<string, Check>();
  readonly #dispensable = new Set<string>();
  #state: Report['status'] = 'starting';

  /**
   * @param name what it is called in the answer
   * @param isDispensable whether the process does its work without it, if not as well
   */
  watch(name: string, check: Check, { isDispensable = false } = {}): void {
    this.#checks.set(name, check);
    if (isDispensable) this.#dispensable.add(name);
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

  /** Whether what comes now would be served, as far as is known without asking anyone. */
  get takesRequests(): boolean {
    return this.#state === 'starting' || this.#state === 'ready';
  }

  async report(): Promise<Report> {
    const results = await Promise.all(
      Array.from(this.#checks, async ([name, check]) => [name, await resultOf(check)] as const),
    );
    const failing = results.filter(([, result]) => result !== 'ok');
    const worst = failing.every(([name]) => this.#dispensable.has(name)) ? 'degraded' : 'failed';
    return {
      status: this.#state === 'ready' && failing.length > 0 ? worst : this.#state,
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
