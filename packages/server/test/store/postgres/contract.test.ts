// The store on PostgreSQL keeps the common promises.
import { afterAll, beforeAll } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { type Postgres, startPostgres } from '../../engines/postgres.ts';
import { type OpenStore, storeContract } from '../store.contract.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

const open: OpenStore = async (limits = {}) => {
  const url = await postgres.newDatabase();
  let store = await openPostgresStore({ url, ...limits });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openPostgresStore({ url, ...limits });
      return store;
    },
    dispose: () => store.close(),
  };
};

storeContract('PostgreSQL', open);
