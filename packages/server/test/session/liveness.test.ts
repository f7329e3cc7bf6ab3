// Deadlines and heart-beats of a session, with the times given.
import { describe, expect, test } from 'vitest';
import { Liveness, type Timing, type Verdict } from '../../src/session/liveness.ts';

const TIMING: Timing = {
  connectMs: 10_000,
  tokenGraceMs: 30_000,
  answerMs: 60_000,
  unfinishedFrameMs: 5_000,
  heartBeatMs: 10_000,
  heartBeatTolerance: 2,
  noProgressMs: 60_000,
  closeMs: 1_000,
  drainMs: 1_000,
  tickMs: 100,
};

/** A socket by its figures: `written` are the octets handed to it, `waiting` those of them that it still has. */
class Socket {
  readonly liveness: Liveness;
  read = 0;
  written = 0;
  waiting = 0;
  reading = true;

  constructor(timing: Partial<Timing> = {}) {
    this.liveness = new Liveness({ ...TIMING, ...timing }, 0);
  }

  judge(now: number): Verdict {
    const counters = { bytesRead: this.read, bytesWritten: this.written, writableLength: this.waiting };
    return this.liveness.judge(counters, this.reading, now);
  }

  connect(clientToServer: number, serverToClient: number, now = 0): this {
    this.liveness.connected({ clientToServer, serverToClient }, now);
    return this;
  }
}

describe('time to CONNECT', () => {
  test('C11 is over one moment past the limit, not at it', () => {
    const socket = new Socket();
    expect(socket.judge(10_000)).toBe(null);
    expect(socket.judge(10_001)).toBe('connect-timeout');
  });

  test('C11 octets that are no CONNECT do not make it longer', () => {
    const socket = new Socket();
    for (let now = 1_000; now <= 10_000; now += 1_000) {
      socket.read += 1;
      expect(socket.judge(now)).toBe(null);
    }
    socket.read += 1;
    expect(socket.judge(10_001)).toBe('connect-timeout');
  });

  test('H02 a session that is connected without heart-beats lives as long as it likes', () => {
    const socket = new Socket().connect(0, 0);
    for (let now = 0; now < 86_400_000; now += 3_600_000) expect(socket.judge(now)).toBe(null);
  });
});

describe('an unfinished frame', () => {
  test('L05 is over one moment past the limit, not at it', () => {
    const socket = new Socket().connect(0, 0);
    socket.liveness.heard(true, false, 1_000);
    expect(socket.judge(6_000)).toBe(null);
    expect(socket.judge(6_001)).toBe('frame-timeout');
  });

  test('L05 L07 has one deadline, however many pieces it comes in', () => {
    const socket = new Socket().connect(0, 0);
    for (let now = 0; now <= 5_000; now += 500) {
      socket.liveness.heard(true, false, now);
      expect(socket.judge(now)).toBe(null);
    }
    socket.liveness.heard(true, false, 5_001);
    expect(socket.judge(5_001)).toBe('frame-timeout');
  });

  test('a stream of frames of which one is always unfinished goes on', () => {
    const socket = new Socket().connect(0, 0);
    for (let now = 0; now <= 50_000; now += 1_000) {
      socket.liveness.heard(true, true, now);
      expect(socket.judge(now)).toBe(null);
    }
  });

  test('is forgotten once it is finished', () => {
    const socket = new Socket().connect(0, 0);
    socket.liveness.heard(true, false, 0);
    socket.liveness.heard(false, true, 4_000);
    expect(socket.judge(100_000)).toBe(null);
  });

  test('gets its time back for as long as we ourselves did not read', () => {
    const socket = new Socket().connect(0, 0);
    socket.liveness.heard(true, false, 0);
    socket.reading = false;
    for (let now = 100; now <= 20_000; now += 100) expect(socket.judge(now)).toBe(null);
    socket.reading = true;
    expect(socket.judge(20_100)).toBe(null);
    expect(socket.judge(25_000)).toBe(null);
    expect(socket.judge(25_001)).toBe('frame-timeout');
  });
});

describe('an unfinished WebSocket message', () => {
  test('FR02 FR05 is over one moment past the limit, not at it, however many pieces it comes in', () => {
    const socket = new Socket().connect(0, 0);
    for (let now = 1_000; now <= 6_000; now += 500) {
      socket.liveness.heardMessage(true, false, now);
      expect(socket.judge(now)).toBe(null);
    }
    socket.liveness.heardMessage(true, false, 6_001);
    expect(socket.judge(6_001)).toBe('frame-timeout');
  });

  test('a stream of messages of which one is always unfinished goes on', () => {
    const socket = new Socket().connect(0, 0);
    for (let now = 0; now <= 50_000; now += 1_000) {
      socket.liveness.heardMessage(true, true, now);
      expect(socket.judge(now)).toBe(null);
    }
  });

  test('a finished one leaves the deadline of the STOMP frame that it is part of as it was', () => {
    const socket = new Socket().connect(0, 0);
    socket.liveness.heard(true, false, 0);
    for (let now = 1_000; now <= 5_000; now += 1_000) {
      socket.liveness.heardMessage(false, true, now);
      expect(socket.judge(now)).toBe(null);
    }
    expect(socket.judge(5_001)).toBe('frame-timeout');
  });

  test('gets its time back for as long as we ourselves did not read', () => {
    const socket = new Socket().connect(0, 0);
    socket.liveness.heardMessage(true, false, 0);
    socket.reading = false;
    for (let now = 100; now <= 20_000; now += 100) expect(socket.judge(now)).toBe(null);
    socket.reading = true;
    expect(socket.judge(25_000)).toBe(null);
    expect(socket.judge(25_001)).toBe('frame-timeout');
  });
});

describe('heart-beats of the client', () => {
  test('H06 silence for 1.2 periods is life, for one moment past two it is death', () => {
    const socket = new Socket().connect(10_000, 0);
    expect(socket.judge(12_000)).toBe(null);
    expect(socket.judge(20_000)).toBe(null);
    expect(socket.judge(20_001)).toBe('heart-beat-timeout');
  });

  test('H05 any octet is life', () => {
    const socket = new Socket().connect(10_000, 0);
    for (let now = 19_000; now <= 190_000; now += 19_000) {
      socket.read += 1;
      expect(socket.judge(now)).toBe(null);
    }
  });

  test('silence while we ourselves do not read is no sign of death', () => {
    const socket = new Socket().connect(10_000, 0);
    socket.reading = false;
    for (let now = 0; now <= 100_000; now += 1_000) expect(socket.judge(now)).toBe(null);
    socket.reading = true;
    expect(socket.judge(120_000)).toBe(null);
    expect(socket.judge(120_001)).toBe('heart-beat-timeout');
  });
});

test('FR13 an hour of nothing but heart-beats is life, in every way it could end', () => {
  const socket = new Socket().connect(10_000, 10_000);
  for (let now = 0; now <= 3_600_000; now += 100) {
    if (now % 10_000 === 0) socket.read += 7;
    const verdict = socket.judge(now);
    if (verdict === 'beat') socket.written += 3;
    else expect(verdict).toBe(null);
  }
});

describe('heart-beats of the server', () => {
  const beats = (period: number, tickMs: number, write: (socket: Socket, now: number) => void) => {
    const socket = new Socket({ tickMs }).connect(0, period);
    const at: number[] = [];
    for (let now = tickMs; now <= period * 20; now += tickMs) {
      write(socket, now);
      if (socket.judge(now) !== 'beat') continue;
      at.push(now);
      socket.written += 3;
    }
    return at;
  };

  test.each([
    [10_000, 250],
    [10_000, 100],
    [1_000, 100],
    [500, 20],
  ])(
    'H04 with a period of %i ms and a look every %i ms no gap is longer than the period',
    (period, tickMs) => {
      const at = beats(period, tickMs, () => undefined);
      const gaps = at.map((now, index) => now - (at[index - 1] ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(period);
      expect(at.length).toBeLessThanOrEqual(30);
    },
  );

  test('a busy session needs none', () => {
    const busy = beats(1_000, 100, (socket) => {
      socket.written += 100;
    });
    expect(busy).toEqual([]);
  });

  test('none is added to what a client that has stopped reading does not take', () => {
    const socket = new Socket({ noProgressMs: 100_000 }).connect(0, 1_000);
    socket.written = 500;
    socket.waiting = 500;
    for (let now = 100; now <= 50_000; now += 100) expect(socket.judge(now)).toBe(null);
  });
});

describe('progress of a slow reader', () => {
  test('octets wait and none leaves: over one moment past the limit, not at it', () => {
    const socket = new Socket().connect(0, 0);
    socket.judge(0);
    socket.written = 100;
    socket.waiting = 100;
    expect(socket.judge(0)).toBe(null);
    expect(socket.judge(60_000)).toBe(null);
    expect(socket.judge(60_001)).toBe('too-slow');
  });

  test('what is added to the heap of a reader that takes nothing is no progress', () => {
    const socket = new Socket().connect(0, 0);
    socket.judge(0);
    for (let now = 1_000; now <= 60_000; now += 1_000) {
      socket.written += 100;
      socket.waiting += 100;
      expect(socket.judge(now)).toBe(null);
    }
    socket.written += 100;
    socket.waiting += 100;
    expect(socket.judge(61_001)).toBe('too-slow');
  });

  test('a reader that takes a little at a time is let live', () => {
    const socket = new Socket().connect(0, 0);
    socket.written = 100_000;
    socket.waiting = 100_000;
    for (let now = 0; now <= 600_000; now += 50_000) {
      socket.waiting -= 10;
      expect(socket.judge(now)).toBe(null);
    }
  });
});
