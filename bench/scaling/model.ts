// How much a number of connected users takes: rooms drawn by chance, each placed by chance on the services its members are at.
import { COSTS, WORKLOAD } from './inputs.ts';

export type Need = {
  readonly users: number;
  readonly rooms: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly chatServices: number;
  readonly gateways: number;
  readonly heldPerService: number;
  /** Of all services, a second. */
  readonly busIn: number;
  readonly busOut: number;
  readonly busOutOctets: number;
  readonly walOctets: number;
  readonly headsRead: number;
  /** Of one PostgreSQL, and of one NATS server. */
  readonly rowsShare: number;
  readonly busShare: number;
};

type Room = { readonly size: number; readonly weight: number };

/** mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const DRAWN = 20_000;

/** Sizes evenly over the powers of ten; `weight` is how many rooms of its size each one stands for. */
function drawRooms(users: number, random: () => number): Room[] {
  const { smallest, largest, roomsPerUser } = WORKLOAD;
  const most = Math.min(largest, users);
  const memberships = (users * roomsPerUser) / DRAWN;
  return Array.from({ length: DRAWN }, () => {
    const size = Math.round(smallest * (most / smallest) ** random());
    return { size, weight: memberships / size };
  });
}

/** Services, of so many, at which at least one of so many people is. */
export function holders(services: number, size: number): number {
  return services * (1 - (1 - 1 / services) ** size);
}

export function needOf(users: number, seed = 1): Need {
  const rooms = drawRooms(users, randomOf(seed));
  const { perHour, mostPerSecond, utilisation, memoryGiB, headsPerSecond } = WORKLOAD;
  const sum = (of: (room: Room) => number) =>
    rooms.reduce((total, room) => total + of(room) * room.weight, 0);
  const rateOf = ({ size }: Room) => Math.min((size * perHour) / 3_600, mostPerSecond);
  const messages = sum(rateOf);
  const deliveries = sum((room) => rateOf(room) * room.size);
  const memoryFor = Math.ceil((users * COSTS.session.value) / (memoryGiB * 2 ** 20 * utilisation));
  let chatServices = 1;
  // What the services hear of each other grows with them: until it fits.
  for (;;) {
    const heard = sum((room) => rateOf(room) * (holders(chatServices, room.size) - 1));
    const micros =
      deliveries * COSTS.delivery.value + messages * COSTS.send.value + heard * COSTS.busMessage.value;
    const needed = Math.max(1, memoryFor, Math.ceil(micros / (1e6 * utilisation)));
    if (needed <= chatServices) break;
    chatServices = needed;
  }
  const busOut = sum((room) => rateOf(room) * (holders(chatServices, room.size) - 1));
  const busIn = chatServices === 1 ? 0 : messages;
  const heldPerService = sum((room) => holders(chatServices, room.size)) / chatServices;
  return {
    users,
    rooms: sum(() => 1),
    messages,
    deliveries,
    chatServices,
    gateways: Math.ceil(((deliveries + 2 * messages) * COSTS.tunnel.value) / (1e6 * utilisation)),
    heldPerService,
    busIn,
    busOut,
    busOutOctets: busOut * COSTS.entry.value,
    walOctets: messages * COSTS.wal.value,
    headsRead: chatServices * Math.min(heldPerService, headsPerSecond),
    rowsShare: messages / COSTS.rows.value,
    busShare: busOut / COSTS.busRate.value,
  };
}
