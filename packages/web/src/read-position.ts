// What has been read: the newest entry, once it is in view of somebody who is there.

export type ReadPosition = {
  /** An entry has come. */
  arrived(seq: number): void;
  /** Something has changed that may make it read: scrolled to the end, back at the window. */
  check(): void;
  reset(): void;
  close(): void;
};

/** In view, in front, and in the window that has the keyboard: a tab behind another is read by nobody. */
export function createReadPosition(options: {
  isAtEnd: () => boolean;
  onRead: (seq: number) => void;
}): ReadPosition {
  let newest = 0;
  let read = 0;

  function check(): void {
    if (newest <= read || document.visibilityState !== 'visible' || !document.hasFocus()) return;
    if (!options.isAtEnd()) return;
    read = newest;
    options.onRead(newest);
  }

  window.addEventListener('focus', check);
  document.addEventListener('visibilitychange', check);
  return {
    arrived(seq) {
      newest = Math.max(newest, seq);
      check();
    },
    check,
    reset() {
      newest = 0;
      read = 0;
    },
    close() {
      window.removeEventListener('focus', check);
      document.removeEventListener('visibilitychange', check);
    },
  };
}
