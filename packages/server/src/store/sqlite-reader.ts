// Entry point of the reader thread: a read-only connection to chat.db, so that catch-up never stalls appends.
import { workerData } from 'node:worker_threads';
import { dataFolder } from './data-folder.ts';
import { createReadQueries, type ReadQueries, type ReadRequest } from './read-queries.ts';
import { openReaderConnection } from './sqlite-connection.ts';
import { serveDatabase } from './sqlite-worker-server.ts';

serveDatabase<ReadRequest, ReturnType<ReadQueries[keyof ReadQueries]>>(() => {
  const db = openReaderConnection(dataFolder(workerData.folder).database);
  const queries = createReadQueries(db);
  const begin = db.prepare('BEGIN');
  const commit = db.prepare('COMMIT');
  return {
    answer({ name, args }) {
      const query = queries[name] as (...values: typeof args) => ReturnType<ReadQueries[keyof ReadQueries]>;
      begin.run();
      try {
        return query(...args);
      } finally {
        // Always, or the old snapshot would keep the write-ahead log from ever being cut.
        commit.run();
      }
    },
    close: () => db.close(),
  };
});
