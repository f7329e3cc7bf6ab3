// How the page is built: from its own files alone, into hashed assets that a strict Content-Security-Policy lets run.
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2024',
    // `data:` URLs and an inline preload script are what the policy forbids.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
