// Configuration: defaults, file, variables, --set, and what is said about mistakes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, readConfig, SETTINGS, type Sources, variableOf } from '../src/config.ts';

describe('configuration', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'maru-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const fileOf = (text: string) => {
    const file = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
    writeFileSync(file, text);
    return file;
  };
  const read = (sources: Sources = {}, env: NodeJS.ProcessEnv = {}) => readConfig(sources, env);
  const problemsOf = (sources: Sources, env: NodeJS.ProcessEnv = {}): readonly string[] => {
    try {
      read(sources, env);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  };

  test('without anything the contract holds: ports, addresses, origins, limits', () => {
    const config = read();
    expect(config).toMatchObject({
      dataDir: resolve('data'),
      publicUrl: 'http://localhost:19091',
      production: false,
      file: null,
      gateway: {
        host: ['127.0.0.1', '::1'],
        port: 19_091,
        tokenFilter: 'presence',
        corsMaxAgeSeconds: 3_600,
      },
      chat: {
        host: ['127.0.0.1'],
        port: 8_081,
        frameOctets: 65_536,
        headers: 32,
        headerOctets: 1_024,
        authorizationOctets: 4_096,
        subscriptions: 256,
        outboundOctets: 1_048_576,
        connectMs: 10_000,
        unfinishedFrameMs: 10_000,
        heartBeatMs: 10_000,
        noProgressMs: 60_000,
      },
      identity: { host: ['127.0.0.1'], port: 8_082, accessTokenSeconds: 900 },
      tokens: { audience: 'maru', issuers: [] },
      web: { host: ['127.0.0.1'], port: 5_500 },
    });
    for (const origins of [config.gateway.allowedOrigins, config.chat.allowedOrigins]) {
      expect(origins).toEqual(['http://127.0.0.1:5500', 'http://localhost:19091']);
    }
  });

  test('what depends on another setting follows it', () => {
    const config = read({}, { MARU_GATEWAY_PORT: '8000', MARU_WEB_PORT: '8001' });
    expect(config.publicUrl).toBe('http://localhost:8000');
    expect(config.chat.allowedOrigins).toEqual(['http://127.0.0.1:8001', 'http://localhost:8000']);
    const named = read({
      file: fileOf('publicUrl: https://chat.example.com\nchat:\n  allowedOrigins: [https://*.example.com]'),
    });
    expect(named.chat.allowedOrigins).toEqual(['https://*.example.com', 'https://chat.example.com']);
    expect(named.gateway.allowedOrigins).toEqual(['http://127.0.0.1:5500', 'https://chat.example.com']);
  });

  test('a variable overrules the file, --set overrules both, and what they leave alone stays', () => {
    const file = fileOf(
      'gateway:\n  port: 1001\n  bodyOctets: 5000\nchat:\n  port: 1002\nweb:\n  port: 1003\n',
    );
    const env = { MARU_CHAT_PORT: '2002', MARU_WEB_PORT: '2003', HOME: '/x', OTHER_GATEWAY_PORT: '1' };
    const config = read({ file, assignments: ['web.port=3003'] }, env);
    expect([config.gateway.port, config.chat.port, config.web.port]).toEqual([1001, 2002, 3003]);
    expect(config.gateway.bodyOctets).toBe(5_000);
    expect(config.file).toBe(file);
    expect(read({}, { MARU_CONFIG: file }).gateway.port).toBe(1001);
  });

  test('settings given as an object go by the same rules; neither a file nor a variable adds to them', () => {
    const given = { gateway: { port: 1001 }, chat: { allowedOrigins: ['https://app.example.com'] } };
    const env = { MARU_WEB_PORT: '1003', MARU_NOPE: '1', MARU_CONFIG: fileOf('web:\n  port: 1002') };
    const config = read({ settings: given }, env);
    expect([config.gateway.port, config.web.port]).toEqual([1001, 5500]);
    expect(config.publicUrl).toBe('http://localhost:1001');
    expect(config.file).toBeNull();
    expect(given).toEqual({ gateway: { port: 1001 }, chat: { allowedOrigins: ['https://app.example.com'] } });
    expect(Object.isFrozen(given.chat.allowedOrigins)).toBe(false);
    expect(read({ settings: {} }, { NODE_ENV: 'production' }).production).toBe(true);
    const wrong = { gateway: { port: 0 }, chat: { headers: -1 } };
    expect(problemsOf({ settings: wrong })).toEqual([
      expect.stringMatching(/^gateway\.port: /),
      expect.stringMatching(/^chat\.headers: /),
    ]);
  });

  test('every setting has a variable of its own, and each is read', () => {
    const variables = [...SETTINGS.keys()].map(variableOf);
    expect(new Set(variables).size).toBe(SETTINGS.size);
    expect(variableOf('chat.heartBeatMs')).toBe('MARU_CHAT_HEART_BEAT_MS');
    expect(variableOf('dataDir')).toBe('MARU_DATA_DIR');
    for (const variable of variables)
      expect(problemsOf({}, { [variable]: '\u0000' }).join()).not.toContain('is no setting');
  });

  test('lists are given with commas or as YAML, texts stay texts, numbers and lists of issuers are read', () => {
    const config = read(
      {
        assignments: [
          'gateway.trustedProxies=10.0.0.1, 10.0.0.2',
          'gateway.host=["0.0.0.0"]',
          'identity.secret=00123456789012345678901234567890',
          'tokens.issuers=[{issuer: i, jwksUrl: "http://x/jwks", audience: a, rolesClaim: realm_access.roles}]',
        ],
      },
      { MARU_TOKENS_AUDIENCE: '42', MARU_CHAT_HEART_BEAT_TOLERANCE: '2.5' },
    );
    expect(config.gateway.trustedProxies).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(config.gateway.host).toEqual(['0.0.0.0']);
    expect(config.identity.secret).toBe('00123456789012345678901234567890');
    expect(config.tokens.audience).toBe('42');
    expect(config.chat.heartBeatTolerance).toBe(2.5);
    expect(config.tokens.issuers).toEqual([
      {
        issuer: 'i',
        jwksUrl: 'http://x/jwks',
        audience: 'a',
        algorithms: ['ES256'],
        rolesClaim: 'realm_access.roles',
      },
    ]);
    expect(read({ assignments: ['gateway.trustedProxies='] }).gateway.trustedProxies).toEqual([]);
  });

  test('all problems are told at once, each with its name', () => {
    const file = fileOf('gateway:\n  port: 70000\n  prot: 1\nchat:\n  frameOctets: 0\nextra: 1\n');
    const problems = problemsOf(
      { file, assignments: ['web.port=x', 'none.such=1'] },
      { MARU_NOPE: '1', MARU_CHAT_HEADERS: '-1' },
    );
    for (const name of [
      'gateway.port',
      'gateway.prot',
      'chat.frameOctets',
      'extra',
      'web.port',
      'none.such',
      'MARU_NOPE',
      'chat.headers',
    ]) {
      const named = (problem: string) => problem.replace('--set ', '').startsWith(name);
      expect([name, problems.filter(named).length]).toEqual([name, 1]);
    }
    expect(problems.length).toBe(8);
    expect(() => read({ file })).toThrow(problems.find((problem) => problem.startsWith('gateway.port')));
  });

  test.each([
    ['gateway:\n  prot: 1', 'gateway.port'],
    ['chat:\n  prot: 1', 'chat.port'],
    ['chat:\n  hostname: x', 'chat.host'],
    ['chat:\n  allowedOrigin: x', 'chat.allowedOrigins'],
    ['chat:\n  heartbeatMs: 1', 'chat.heartBeatMs'],
    ['gateway:\n  frameOctets: 1', 'chat.frameOctets'],
    ['gateway:\n  globalcors:\n    allowedOrigins: []', undefined],
    ['datadir: x', 'dataDir'],
    ['public_url: x', 'publicUrl'],
    ['nothingLikeIt: 1', undefined],
  ])('CO11 the unknown setting in %j is an error that suggests %s', (text, suggestion) => {
    const [problem = '', ...more] = problemsOf({ file: fileOf(text) });
    expect(more).toEqual([]);
    expect(problem).toContain('is no setting of Maru');
    expect(/did you mean (.*)\?/.exec(problem)?.[1]).toBe(suggestion);
  });

  test.each([
    [['gateway.port'], '--set gateway.port'],
    [['gateway=1'], 'gateway'],
    [['=1'], '--set'],
    [['__proto__.x=1'], '__proto__.x'],
    [['gateway.port=['], 'gateway.port'],
    [['gateway.host=[a'], 'gateway.host'],
    [['gateway.port='], 'gateway.port'],
    [['gateway.tokenFilter=none'], 'gateway.tokenFilter'],
    [['publicUrl=http://localhost:19091/'], 'publicUrl'],
    [['publicUrl=localhost'], 'publicUrl'],
    [['gateway.allowedOrigins=https://*.example.com'], 'gateway.allowedOrigins'],
    [['chat.allowedOrigins=*'], 'chat.allowedOrigins'],
    [['gateway.allowedOrigins=http://a b'], 'gateway.allowedOrigins'],
    [['publicUrl=http://a b'], 'publicUrl'],
    [['gateway.trustedProxies=foo'], 'gateway.trustedProxies'],
    [['gateway.trustedProxies=10.0.0.0/99'], 'gateway.trustedProxies'],
    [['chat.allowedOrigins=https://app.example.com/path'], 'chat.allowedOrigins'],
    [['gateway.chatUpstream=localhost:8081'], 'gateway.chatUpstream'],
    [['gateway.chatUpstream=http://a:1,'], 'gateway.chatUpstream'],
    [['gateway.chatUpstream=http://a:1 http://b:1'], 'gateway.chatUpstream'],
    [['gateway.identityUpstream=unix:/a.sock, unix:/b.sock'], 'tokens.jwksUrl'],
    [['gateway.upstreamCheckPath=healthz'], 'gateway.upstreamCheckPath'],
    [['tokens.issuers=[{issuer: i}]'], 'tokens.issuers'],
    [['chat.tickMs=9'], 'chat.tickMs'],
    [['tokens.clockSkewSeconds=61'], 'tokens.clockSkewSeconds'],
  ])('--set %j is a problem that names %s', (assignments, name) => {
    const problems = problemsOf({ assignments });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.includes(name))).toBe(true);
  });

  test('bounds are what they say: the limit is taken, one past it is not', () => {
    for (const [assignment, taken] of [
      ['gateway.port=1', true],
      ['gateway.port=0', false],
      ['gateway.port=65535', true],
      ['gateway.port=65536', false],
      ['gateway.port=-1', false],
      ['gateway.port=1.5', false],
      ['chat.frameOctets=1', true],
      ['chat.frameOctets=0', false],
      ['chat.tickMs=10', true],
      ['chat.heartBeatTolerance=1.5', true],
      ['chat.heartBeatTolerance=1.4', false],
      ['tokens.clockSkewSeconds=60', true],
    ] as const) {
      expect([assignment, problemsOf({ assignments: [assignment] }).length === 0]).toEqual([
        assignment,
        taken,
      ]);
    }
  });

  test('a file that is named and not there, or is no YAML, or no mapping, is one clear problem', () => {
    const missing = join(folder, 'missing.yaml');
    expect(problemsOf({ file: missing })).toEqual([
      expect.stringContaining(`cannot read the configuration ${missing}`),
    ]);
    for (const text of ['a: [', '- list', '"text"', '\tx: 1']) {
      const [problem = '', ...more] = problemsOf({ file: fileOf(text) });
      expect(more).toEqual([]);
      expect(problem).toMatch(/is not valid YAML/);
    }
    expect(problemsOf({ file: fileOf('') })).toEqual([]);
    expect(problemsOf({ file: fileOf('# nothing but a comment\n') })).toEqual([]);
  });

  test("origins are kept as browsers send them: lower case, without the scheme's own port", () => {
    const config = read({
      assignments: [
        'publicUrl=https://Chat.Example.com:443',
        'gateway.allowedOrigins=http://APP.example.com:80',
        'chat.allowedOrigins=https://*.Example.com:443',
      ],
    });
    expect(config.publicUrl).toBe('https://chat.example.com');
    expect(config.gateway.allowedOrigins).toEqual(['http://app.example.com', 'https://chat.example.com']);
    expect(config.chat.allowedOrigins).toEqual(['https://*.example.com', 'https://chat.example.com']);
    expect(read({ assignments: ['web.port=80'] }).gateway.allowedOrigins).toContain('http://127.0.0.1');
  });

  test('a section whose settings are all commented out is as if it were not there', () => {
    const file = fileOf('gateway:\n  # port: 1\nchat:\n  port: 1234\n');
    expect(read({ file })).toMatchObject({ gateway: { port: 19_091 }, chat: { port: 1234 } });
  });

  test('nothing of it can be changed afterwards', () => {
    const config = read({ assignments: ['gateway.trustedProxies=10.0.0.1'] });
    const change = (action: () => void) => expect(action).toThrow(TypeError);
    change(() => Object.assign(config, { publicUrl: 'x' }));
    change(() => Object.assign(config.chat, { port: 1 }));
    change(() => (config.gateway.trustedProxies as string[]).push('x'));
    change(() => (config.chat.allowedOrigins as string[]).push('https://evil.example'));
  });

  test('only NODE_ENV=production is production', () => {
    expect(read({}, { NODE_ENV: 'production' }).production).toBe(true);
    expect(read({}, { NODE_ENV: 'Production' }).production).toBe(false);
  });
});
