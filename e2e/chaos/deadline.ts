// A promise that must settle in time; past it an error that tells who is stuck.

/** @param story asked when the time is over: what is still missing. */
export async function within<T>(ms: number, promise: Promise<T>, story: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${ms} ms: ${story()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
