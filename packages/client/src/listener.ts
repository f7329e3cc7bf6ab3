// Calls into the application's code from inside a protocol callback.

/**
 * An exception of a listener is reported as uncaught, as of any event listener, and goes no further: thrown through the
 * frame parser it would leave the rest of a chunk unread, and messages would be lost.
 */
export function callListener<Arguments extends unknown[]>(
  listener: ((...args: Arguments) => void) | undefined,
  ...args: Arguments
): void {
  try {
    listener?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
