// What the page remembers over a reload: the session token and the chosen language.

/** localStorage under one name; where the browser forbids it, the value lives as long as the page. */
export function browserStorage(key: string): {
  read(): string | null;
  write(value: string | null): void;
} {
  let fallback: string | null = null;
  return {
    read() {
      try {
        return localStorage.getItem(key);
      } catch {
        return fallback;
      }
    },
    write(value) {
      fallback = value;
      try {
        if (value === null) localStorage.removeItem(key);
        else localStorage.setItem(key, value);
      } catch {
        // Private mode or a full disk: signed in until the page goes.
      }
    },
  };
}
