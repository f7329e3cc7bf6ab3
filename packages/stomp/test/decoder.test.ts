// The decoder against the grammar: rows F of the checklist.
import { describe, expect, test } from 'vitest';
import { DEFAULT_FRAME_LIMITS, FrameDecoder, FrameError, SUPPORTED_VERSIONS } from '../src/index.ts';
import { octets, plain, read, readOne } from './frames.ts';

describe('frame grammar', () => {
  test.each(SUPPORTED_VERSIONS)('F01: a frame may have no headers (%s)', (version) => {
    expect(readOne('DISCONNECT\n\n\0', version)).toEqual({ command: 'DISCONNECT', headers: [], body: '' });
  });

  test('F02: in 1.2 LF and CR LF end lines, mixed too', () => {
    const lf = readOne('SEND\ndestination:/a\nx:1\n\nhi\0', '1.2');
    expect(lf.headers).toEqual([
      ['destination', '/a'],
      ['x', '1'],
    ]);
    expect(readOne('SEND\r\ndestination:/a\r\nx:1\r\n\r\nhi\0', '1.2')).toEqual(lf);
    expect(readOne('SEND\r\ndestination:/a\nx:1\r\n\nhi\0', '1.2')).toEqual(lf);
    expect(readOne('SEND\ndestination:/a\r\nx:1\n\r\nhi\0', '1.2', { pieces: 1 })).toEqual(lf);
  });

  test('F02: before the version is known both ends of line are read', () => {
    const connect = { command: 'CONNECT', headers: [['accept-version', '1.2']], body: '' };
    expect(readOne('CONNECT\naccept-version:1.2\n\n\0', undefined)).toEqual(connect);
    expect(readOne('CONNECT\r\naccept-version:1.2\r\n\r\n\0', undefined)).toEqual(connect);
  });

  test.each(['1.0', '1.1'] as const)('F03: in %s a CR is an octet of the value', (version) => {
    expect(readOne('SEND\na:b\r\nc:d\re\n\n\0', version).headers).toEqual([
      ['a', 'b\r'],
      ['c', 'd\re'],
    ]);
    expect(read('SEND\r\n\n\0', version).error).toBe('unknown-command');
    expect(read('SEND\na:b\n\r\n\0', version).error).toBe('malformed-header');
  });

  test.each(['1.2', undefined] as const)('F04: a CR without LF may not stand in a header (%s)', (version) => {
    for (const line of ['a:b\rc', 'a\rb:c', '\ra:b', 'a:b\r\r']) {
      expect(read(`CONNECT\n${line}\n\n\0`, version).error, JSON.stringify(line)).toBe('malformed-header');
    }
  });

  test.each(SUPPORTED_VERSIONS)('F05: ends of line between frames are skipped (%s)', (version) => {
    const { frames, error, heartBeats } = read('\nDISCONNECT\n\n\0\n\r\n\nDISCONNECT\n\n\0\r\n', version);
    expect(frames.length).toBe(2);
    expect(error).toBeUndefined();
    expect(heartBeats).toBe(1);
  });

  test('F05: a CR between frames that no LF follows is refused, also over two chunks', () => {
    expect(read('\rSEND\n\n\0', '1.2').error).toBe('malformed-frame');
    expect(read('\r\r\n', '1.2', { pieces: 1 }).error).toBe('malformed-frame');
    expect(read('\r', '1.2').midFrame).toBe(true);
  });

  test('a push reports its ends of line once, and each push again', () => {
    expect(read('\n\n\n', '1.2').heartBeats).toBe(1);
    expect(read('\n\n\n', '1.2', { pieces: 1 }).heartBeats).toBe(3);
    expect(read('SEND\na:b\n\nx\ny\0', '1.2', { pieces: 1 }).heartBeats).toBe(0);
  });

  test('F06: commands and header names are case sensitive', () => {
    expect(read('send\n\n\0', '1.2').error).toBe('unknown-command');
    expect(readOne('SEND\nDestination:/a\n\n\0', '1.2').headers).toEqual([['Destination', '/a']]);
  });

  test.each(['1.1', '1.2'] as const)('F07: headers and body are UTF-8 (%s)', (version) => {
    const frame = readOne('SEND\n이름:마루 😀\n\u{feff}bom:\u{feff}x\n\n안녕 😀\0', version);
    expect(frame.headers).toEqual([
      ['이름', '마루 😀'],
      ['\u{feff}bom', '\u{feff}x'],
    ]);
    expect(frame.body).toBe('안녕 😀');
  });

  test('F07: octets that are not UTF-8 are refused in command and headers, kept in a body', () => {
    const broken = (before: string, after: string) => {
      return Uint8Array.from([...octets(before), 0xc3, 0x28, ...octets(after)]);
    };
    expect(read(broken('SEN', '\n\n\0'), '1.2').error).toBe('invalid-utf8');
    expect(read(broken('SEND\na:', '\n\n\0'), '1.2').error).toBe('invalid-utf8');
    expect(read(broken('SEND\n', ':a\n\n\0'), '1.2').error).toBe('invalid-utf8');
    let body: number[] = [];
    const onFrame = (frame: { body: Uint8Array }) => {
      body = [...frame.body];
    };
    new FrameDecoder({ limits: DEFAULT_FRAME_LIMITS, onFrame }).push(broken('SEND\n\n', '\0'));
    expect(body).toEqual([0xc3, 0x28]);
  });

  test.each(SUPPORTED_VERSIONS)('F08: a header line needs a name and a colon (%s)', (version) => {
    expect(read('SEND\n:x\n\n\0', version).error).toBe('malformed-header');
    expect(read('SEND\nnovalue\n\n\0', version).error).toBe('malformed-header');
    expect(read('SEND\na:b\0', version).error).toBe('malformed-frame');
    expect(read('SEND\na\0', version).error).toBe('malformed-frame');
    expect(read('SEND\0', version).error).toBe('malformed-frame');
    expect(read('\0', version).error).toBe('malformed-frame');
  });

  test('only the first colon of a line divides it', () => {
    expect(readOne('SEND\ndestination:http://x:1\n\n\0', '1.2').headers).toEqual([
      ['destination', 'http://x:1'],
    ]);
  });

  test.each(SUPPORTED_VERSIONS)('F09: a header value may be empty (%s)', (version) => {
    expect(readOne('SEND\na:\n\n\0', version).headers).toEqual([['a', '']]);
  });

  test.each(['1.1', '1.2'] as const)('F10: nothing is trimmed (%s)', (version) => {
    expect(readOne('SEND\n a : b \n\n\0', version).headers).toEqual([[' a ', ' b ']]);
    expect(read('SEND\ncontent-length: 1\n\na\0', version).error).toBe('invalid-content-length');
  });

  test('F11: in 1.0 spaces around values are dropped, those around names are not', () => {
    expect(readOne('SEND\n a :  b c  \ncontent-length: 1\n\n\0\0', '1.0')).toEqual({
      command: 'SEND',
      headers: [
        [' a ', 'b c'],
        ['content-length', '1'],
      ],
      body: '\0',
    });
    expect(readOne('SEND\na:\t \u{a0}b \n\n\0', '1.0').headers).toEqual([['a', '\t \u{a0}b']]);
  });

  test('F11: a CONNECT without accept-version is read as one of 1.0, another is not', () => {
    expect(readOne('CONNECT\nlogin: bob\n\n\0', undefined).headers).toEqual([['login', 'bob']]);
    expect(readOne('CONNECT\nlogin: bob\naccept-version:1.2\n\n\0', undefined).headers[0]).toEqual([
      'login',
      ' bob',
    ]);
    expect(readOne('CONNECTED\nsession: 1\n\n\0', undefined, { from: 'server' }).headers).toEqual([
      ['session', '1'],
    ]);
    expect(
      readOne('CONNECTED\nsession: 1\nversion:1.1\n\n\0', undefined, { from: 'server' }).headers[0],
    ).toEqual(['session', ' 1']);
  });
});

describe('body', () => {
  test.each(SUPPORTED_VERSIONS)('F12: content-length counts octets and wins over NUL (%s)', (version) => {
    expect(readOne('SEND\ncontent-length:3\n\na\0b\0', version).body).toBe('a\0b');
    expect(readOne('SEND\ncontent-length:6\n\n안녕\0', version).body).toBe('안녕');
    expect(readOne('SEND\ncontent-length:0006\n\n안녕\0', version).body).toBe('안녕');
    expect(readOne('SEND\ncontent-length:0\n\n\0', version).body).toBe('');
  });

  test.each(SUPPORTED_VERSIONS)('F13: the octet after content-length octets is NUL (%s)', (version) => {
    expect(read('SEND\ncontent-length:2\n\nabc\0', version).error).toBe('malformed-frame');
    expect(read('SEND\ncontent-length:4\n\nabc\0DISCONNECT\n\n\0', version).error).toBe('malformed-frame');
    expect(read('SEND\ncontent-length:4\n\nabc\0', version)).toMatchObject({ frames: [], midFrame: true });
    expect(read('DISCONNECT\ncontent-length:0\n\nx\0', version).error).toBe('malformed-frame');
  });

  test.each(SUPPORTED_VERSIONS)(
    'F14: without content-length the body ends at the first NUL (%s)',
    (version) => {
      expect(readOne('SEND\ndestination:/a\n\nabc\0', version).body).toBe('abc');
    },
  );

  test.each(['-1', '+3', '0x10', '1e3', '1.0', '', ' ', '３', '1 ', '1,1'])(
    'F15: content-length %j is refused',
    (value) => {
      expect(read(`SEND\ncontent-length:${value}\n\n`, '1.2').error).toBe('invalid-content-length');
    },
  );

  test.each(['99999999999999', '9'.repeat(400), '65536'])(
    'F15: content-length %s is refused at once',
    (value) => {
      expect(read(`SEND\ncontent-length:${value}\n\n`, '1.2').error).toBe('frame-too-large');
    },
  );

  test.each(['1.1', '1.2'] as const)('F16: of client frames only SEND may have a body (%s)', (version) => {
    expect(read('SUBSCRIBE\nid:0\ndestination:/a\n\nx\0', version).error).toBe('body-not-allowed');
    expect(read('SUBSCRIBE\nid:0\ncontent-length:1\n\n', version).error).toBe('body-not-allowed');
    expect(readOne('SUBSCRIBE\nid:0\ncontent-length:0\n\n\0', version).body).toBe('');
    expect(read('RECEIPT\nreceipt-id:0\n\nx\0', version, { from: 'server' }).error).toBe('body-not-allowed');
    expect(readOne('ERROR\n\nx\0', version, { from: 'server' }).body).toBe('x');
    expect(readOne('MESSAGE\n\nx\0', version, { from: 'server' }).body).toBe('x');
  });

  test('F16: CONNECT may not have a body, whatever its version turns out to be', () => {
    expect(read('CONNECT\n\nx\0', undefined).error).toBe('body-not-allowed');
    expect(read('STOMP\ncontent-length:1\n\nx\0', undefined).error).toBe('body-not-allowed');
  });

  test('F17: in 1.0 the body of another frame than SEND is dropped', () => {
    expect(readOne('SUBSCRIBE\ndestination:/a\n\nignored\0', '1.0').body).toBe('');
    expect(readOne('SUBSCRIBE\ncontent-length:3\n\na\0b\0', '1.0').body).toBe('');
  });

  test('F18: of a repeated content-length the first counts', () => {
    expect(readOne('SEND\ncontent-length:1\ncontent-length:x\n\n\0\0', '1.2').body).toBe('\0');
    expect(readOne('SEND\nContent-Length:9\ncontent-length:1\n\nx\0', '1.2').body).toBe('x');
  });
});

describe('commands', () => {
  test.each(['HELLO', 'MESSAGE', 'CONNECTED', 'SENT', 'SENDX', ' SEND', 'SEND ', 'UNSUBSCRIBED', '안녕'])(
    'F19: %j is no client command',
    (command) => {
      expect(read(`${command}\n\n\0`, '1.2').error).toBe('unknown-command');
      expect(read(`${command}\n\n\0`, '1.2', { pieces: 1 }).error).toBe('unknown-command');
    },
  );

  test('F19: a client command is unknown among the frames of a server', () => {
    expect(read('SEND\n\n\0', '1.2', { from: 'server' }).error).toBe('unknown-command');
  });

  test('A03: 1.0 has no NACK', () => {
    expect(read('NACK\nmessage-id:1\n\n\0', '1.0').error).toBe('unknown-command');
    expect(readOne('NACK\nid:1\n\n\0', '1.1').command).toBe('NACK');
  });
});

describe('chunks', () => {
  const three = 'SEND\na:1\n\nfirst\0SEND\na:2\ncontent-length:2\n\n\0\0\0\nDISCONNECT\na:3\n\n\0';

  test.each([1, 2, 3, 7, 20, 1000])('F20: frames are the same in pieces of %i octets', (pieces) => {
    const { frames, error, midFrame } = read(three, '1.2', { pieces });
    expect(frames.map(({ headers }) => headers[0])).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['a', '3'],
    ]);
    expect(frames.map(({ body }) => body)).toEqual(['first', '\0\0', '']);
    expect({ error, midFrame }).toEqual({ error: undefined, midFrame: false });
  });

  test.each([three, `${three}SEND\nnocolon\n\n\0`, `${three}SEND\na:1\ncontent-length:1\n\nxy\0`])(
    'F20: two chunks say the same as one, wherever the cut is (stream %#)',
    (stream) => {
      const { frames, error } = read(stream, '1.2');
      for (let cut = 1; cut < stream.length; cut++) {
        const decoded: unknown[] = [];
        const decoder = new FrameDecoder({
          limits: DEFAULT_FRAME_LIMITS,
          onFrame: (frame) => decoded.push(plain(frame)),
        });
        decoder.version = '1.2';
        let code: string | undefined;
        try {
          decoder.push(octets(stream.slice(0, cut)));
          decoder.push(octets(stream.slice(cut)));
        } catch (failure) {
          code = failure instanceof FrameError ? failure.code : String(failure);
        }
        expect({ decoded, code }, `cut at ${cut}`).toEqual({ decoded: frames, code: error });
      }
    },
  );

  test('a frame that follows CONNECT in its chunk is read by the version the owner sets', () => {
    const values: (string | undefined)[] = [];
    const decoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: ({ command, headers }) => {
        if (command === 'CONNECT') decoder.version = '1.2';
        else values.push(headers.get('a'));
      },
    });
    decoder.push(octets('CONNECT\naccept-version:1.2\n\n\0SEND\na:\\c\n\n\0'));
    expect(values).toEqual([':']);
  });

  test('a version set in the middle of a frame holds from the next frame on', () => {
    const values: (string | undefined)[] = [];
    const onFrame = ({ headers }: { headers: { get(name: string): string | undefined } }) => {
      values.push(headers.get('a'));
    };
    const decoder = new FrameDecoder({ limits: DEFAULT_FRAME_LIMITS, onFrame });
    decoder.version = '1.0';
    decoder.push(octets('SEND\na:x'));
    decoder.version = '1.2';
    decoder.push(octets('\\c\n\n\0SEND\na:x\\c\n\n\0'));
    expect(values).toEqual(['x\\c', 'x:']);
  });

  test('a body of several chunks stays as it was when their memory is used again', () => {
    const frames: { body: Uint8Array }[] = [];
    const decoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: (frame) => frames.push(frame),
    });
    const chunk = new Uint8Array(5);
    const whole = octets('SEND\n\nfirst\0SEND\n\nother\0');
    for (let at = 0; at < whole.length; at += chunk.length) {
      const piece = whole.subarray(at, at + chunk.length);
      chunk.set(piece);
      decoder.push(chunk.subarray(0, piece.length));
      chunk.fill(0x78);
    }
    expect(frames.map(({ body }) => new TextDecoder().decode(body))).toEqual(['first', 'other']);
  });

  test('a chunk may be a view into the middle of other memory', () => {
    const memory = octets('xxxxSEND\n\nbody\0yyyy');
    const frames: string[] = [];
    const onFrame = ({ body }: { body: Uint8Array }) => frames.push(new TextDecoder().decode(body));
    new FrameDecoder({ limits: DEFAULT_FRAME_LIMITS, onFrame }).push(memory.subarray(4, -4));
    expect(frames).toEqual(['body']);
  });

  test('midFrame is true from the first octet of a frame to its NUL', () => {
    const seen: boolean[] = [];
    const inside: boolean[] = [];
    const decoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: () => inside.push(decoder.midFrame),
    });
    for (const octet of octets('\nSEND\n\nx\0\n')) {
      decoder.push(Uint8Array.of(octet));
      seen.push(decoder.midFrame);
    }
    expect(seen).toEqual([false, true, true, true, true, true, true, true, false, false]);
    expect(inside).toEqual([false]);
  });

  test.each([1, 1000])(
    'after stop() nothing of the current chunk is reported any more (pieces of %i)',
    (pieces) => {
      const heard: string[] = [];
      const decoder = new FrameDecoder({
        limits: DEFAULT_FRAME_LIMITS,
        onFrame: ({ command }) => {
          heard.push(command);
          decoder.stop();
        },
        onHeartBeat: () => heard.push('heart-beat'),
      });
      const input = octets('DISCONNECT\n\n\0\nSEND\n\n\0nonsense');
      for (let at = 0; at < input.length; at += pieces) decoder.push(input.subarray(at, at + pieces));
      expect(heard).toEqual(['DISCONNECT']);
      expect(decoder.midFrame).toBe(false);
    },
  );

  test('after stop() in onHeartBeat nothing is read any more', () => {
    const frames: unknown[] = [];
    const decoder: FrameDecoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: (frame) => frames.push(frame),
      onHeartBeat: () => {
        decoder.stop();
      },
    });
    decoder.push(octets('\n\rnonsense'));
    decoder.push(octets('DISCONNECT\n\n\0\r'));
    expect(frames).toEqual([]);
    expect(decoder.midFrame).toBe(false);
  });

  test('after an error each push throws the same error', () => {
    const frames: unknown[] = [];
    const decoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: (frame) => frames.push(plain(frame)),
    });
    const errors: unknown[] = [];
    for (const input of ['SEND\n\n\0HELLO\n', 'SEND\n\n\0', '']) {
      try {
        decoder.push(octets(input));
      } catch (error) {
        errors.push(error);
      }
    }
    expect(errors.length).toBe(3);
    expect(errors[0]).toBeInstanceOf(FrameError);
    expect(new Set(errors).size).toBe(1);
    expect(frames.length).toBe(1);
    expect(decoder.midFrame).toBe(false);
  });

  test('what onFrame throws comes out of push and ends the decoder', () => {
    const decoder = new FrameDecoder({
      limits: DEFAULT_FRAME_LIMITS,
      onFrame: () => {
        throw new Error('of the owner');
      },
    });
    expect(() => decoder.push(octets('SEND\n\n\0SEND\n\n\0'))).toThrow('of the owner');
    expect(() => decoder.push(octets('SEND\n\n\0'))).toThrow('of the owner');
  });

  test('an error does not quote the frame', () => {
    const decoder = new FrameDecoder({ limits: DEFAULT_FRAME_LIMITS, onFrame: () => {} });
    try {
      decoder.push(octets('CONNECT\nauthorization:Bearer secret\nsecret\n\n\0'));
    } catch (error) {
      expect(String(error)).not.toContain('secret');
    }
    expect.assertions(1);
  });
});
