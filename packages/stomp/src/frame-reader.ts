// Reads one frame: the state machine that decoder.ts describes. Who gives it octets is not its business.
import { commandIn, LONGEST_COMMAND } from './command-line.ts';
import { COMMANDS, type Command, factsOf, type Sender } from './commands.ts';
import { FrameError } from './errors.ts';
import { unescapeHeader } from './escape.ts';
import { type Frame, NO_OCTETS } from './frame.ts';
import {
  BACKSLASH,
  BREAK,
  COLON,
  CR,
  LF,
  NUL,
  OCTETS,
  PLAIN,
  SECRET,
  spellsAuthorization,
} from './head-octets.ts';
import { parseContentLength, trimSpaces, trimValues } from './header-values.ts';
import { FrameHeaders } from './headers.ts';
import type { FrameLimits } from './limits.ts';
import { type LineMemory, NOWHERE } from './line-memory.ts';
import { READING_RULES, type ReadingRules, RULES_BEFORE_CONNECT } from './reading-rules.ts';
import { decodeUtf8 } from './utf8.ts';
import type { Version } from './version.ts';

type State = 'command' | 'header-line' | 'no-body' | 'counted-body' | 'delimited-body' | 'ended';

/** Without this header, one of these frames is from STOMP 1.0 (STOMP 1.2 §Protocol Negotiation). */
const VERSION_HEADERS: Partial<Record<Command, string>> = {
  CONNECT: 'accept-version',
  STOMP: 'accept-version',
  CONNECTED: 'version',
};

/** Of no frame; begin() puts an array of its own in this place. */
const NO_LINES: string[] = [];

export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #sender: Sender;
  readonly #memory: LineMemory;

  // Where the frame is: positions in #bytes, of which a state may look at those before #end.
  #state: State = 'ended';
  #bytes = NO_OCTETS;
  #end = 0;
  #start = 0;
  #at = 0;
  #lineStart = 0;
  #lineOctets = 0;
  #colon = 0;
  #bodyStart = 0;
  #bodyEnd = 0;

  // What is known of it.
  #version: Version | undefined = undefined;
  #rules: ReadingRules = RULES_BEFORE_CONNECT;
  #crlf = true;
  #command: Command = 'CONNECT';
  #escapes: Version = '1.0';
  #seen = PLAIN;
  #remembers = false;
  #place = 0;
  #flat = NO_LINES;
  #contentLength: string | undefined = undefined;

  constructor(limits: FrameLimits, sender: Sender, memory: LineMemory) {
    this.#limits = limits;
    this.#sender = sender;
    this.#memory = memory;
  }

  /** A frame was begun and has not ended. */
  get midFrame(): boolean {
    return this.#state !== 'ended';
  }

  /** Where the frame ended: the position after its NUL. */
  get at(): number {
    return this.#at;
  }

  begin(at: number, version: Version | undefined): void {
    this.#start = at;
    this.#at = at;
    this.#version = version;
    this.#rules = version === undefined ? RULES_BEFORE_CONNECT : READING_RULES[version];
    this.#crlf = this.#rules.crlf;
    this.#flat = [];
    this.#contentLength = undefined;
    this.#state = 'command';
  }

  /**
   * Goes on where it stopped, with the octets of `bytes` before `available`.
   * @returns the frame, or `undefined` if more octets are needed
   */
  read(bytes: Uint8Array, available: number): Frame | undefined {
    this.#bytes = bytes;
    this.#end = Math.min(available, this.#start + this.#limits.frameOctets);
    while (this.#step()) {
      if (this.#state === 'ended') return this.#take();
    }
    if (this.#end - this.#start >= this.#limits.frameOctets) throw frameTooLarge();
    return undefined;
  }

  /** The octets of the frame now begin at position 0 of what is given next. */
  rebase(): void {
    const start = this.#start;
    this.#bytes = NO_OCTETS;
    this.#start = 0;
    this.#at -= start;
    this.#lineStart -= start;
    this.#colon -= start;
    this.#bodyStart -= start;
    this.#bodyEnd -= start;
  }

  /** Forgets the frame in hand and whatever keeps memory alive. */
  drop(): void {
    this.#state = 'ended';
    this.#bytes = NO_OCTETS;
    this.#flat = NO_LINES;
  }

  /** One function a state. @returns false if more octets are needed */
  #step(): boolean {
    switch (this.#state) {
      case 'header-line':
        return this.#readHeaderLine();
      case 'command':
        return this.#readCommand();
      case 'counted-body':
        return this.#readCountedBody();
      case 'delimited-body':
        return this.#readDelimitedBody();
      case 'no-body':
        return this.#readNoBody();
      case 'ended':
        return false;
    }
  }

  #readCommand(): boolean {
    const bytes = this.#bytes;
    const start = this.#start;
    const stop = Math.min(this.#end, start + LONGEST_COMMAND + 2);
    let at = this.#at;
    while (at < stop && bytes[at] !== LF && bytes[at] !== NUL) at++;
    this.#at = at;
    if (at === stop) {
      if (at < start + LONGEST_COMMAND + 2) return false;
      throw unknownCommand();
    }
    if (bytes[at] === NUL) throw nulInHead();
    const end = this.#crlf && bytes[at - 1] === CR ? at - 1 : at;
    const command = commandIn(bytes, start, end);
    if (command === undefined) {
      decodeUtf8(bytes, start, end);
      throw unknownCommand();
    }
    const facts = factsOf(command);
    const unknown = this.#version !== undefined && facts.required[this.#version] === null;
    if (facts.sender !== this.#sender || unknown) throw unknownCommand();
    this.#command = command;
    this.#escapes = facts.escaped ? this.#rules.escapes : '1.0';
    // A value of CONNECT may be a passcode: it is never remembered.
    this.#remembers = facts.escaped;
    this.#place = this.#memory.placeOf(command);
    this.#beginLine(at + 1);
    return true;
  }

  #beginLine(at: number): void {
    this.#at = at;
    this.#lineStart = at;
    this.#lineOctets = this.#limits.headerOctets;
    // No colon was seen: no line begins with one.
    this.#colon = at;
    this.#seen = PLAIN;
    this.#state = 'header-line';
  }

  #readHeaderLine(): boolean {
    const bytes = this.#bytes;
    const start = this.#lineStart;
    if (this.#at === this.#end) return false;
    if (this.#at === start) {
      const blank = this.#endOfLine(start);
      if (blank === 0) return false;
      if (blank > 0) return this.#endHead(start + blank);
      if (this.#flat.length >= this.#limits.headers * 2) {
        throw new FrameError('too-many-headers', 'The frame has more headers than the limit');
      }
      if (this.#takeGuessedLine()) return true;
    }
    if (!this.#scanLine()) return false;
    const end = this.#at;
    const eol = this.#endOfLine(end);
    if (eol === 0) return false;
    if (eol < 0) throw bytes[end] === NUL ? nulInHead() : headerTooLong();
    if (this.#colon === start) throw noName();
    this.#takeLine(end, end + eol);
    this.#beginLine(end + eol);
    return true;
  }

  /** Goes to the end of the line, or to an octet that may not be in it. @returns false if neither is there yet */
  #scanLine(): boolean {
    const bytes = this.#bytes;
    const available = this.#end;
    const start = this.#lineStart;
    let stop = Math.min(available, start + this.#lineOctets);
    let at = this.#at;
    let seen = this.#seen;
    for (; at < stop; at++) {
      const kind = OCTETS[bytes[at] as number] as number;
      if (kind === PLAIN) continue;
      if (kind === COLON) {
        if (this.#colon !== start) continue;
        if (at === start) throw noName();
        this.#colon = at;
        if (!spellsAuthorization(bytes, start, at)) continue;
        seen |= SECRET;
        this.#lineOctets = this.#limits.authorizationOctets;
        stop = Math.min(available, start + this.#lineOctets);
      } else if (kind === BREAK && (bytes[at] !== CR || this.#crlf)) {
        break;
      } else {
        // A CR that gets here is an octet of a 1.0 or 1.1 value; it also keeps the line out of the memory.
        seen |= kind;
      }
    }
    this.#at = at;
    this.#seen = seen;
    return at < available;
  }

  /** The whole line is there and the same as the last time: nothing in it has to be looked at again. */
  #takeGuessedLine(): boolean {
    if (!this.#remembers) return false;
    const slot = this.#memory.guess(this.#place);
    const octets = this.#memory.fits(slot, this.#bytes, this.#lineStart, this.#end);
    if (octets === 0 || octets - 1 > this.#limits.headerOctets) return false;
    this.#place = slot;
    this.#push(this.#memory.name(slot), this.#memory.value(slot));
    this.#beginLine(this.#lineStart + octets);
    return true;
  }

  /** @param next where the next line begins */
  #takeLine(end: number, next: number): void {
    const memorable = this.#remembers && this.#seen === PLAIN && next === end + 1;
    let slot = memorable ? this.#memory.find(this.#bytes, this.#lineStart, next) : NOWHERE;
    if (slot === NOWHERE) {
      const line = decodeUtf8(this.#bytes, this.#lineStart, end);
      const colon = line.indexOf(':');
      const name = this.#unescape(line.slice(0, colon));
      const value = this.#unescape(line.slice(colon + 1));
      this.#push(name, value);
      if (!memorable) return;
      slot = this.#memory.remember(this.#bytes, this.#lineStart, next, name, value);
      if (slot === NOWHERE) return;
    } else {
      this.#push(this.#memory.name(slot), this.#memory.value(slot));
    }
    this.#memory.follow(this.#place, slot);
    this.#place = slot;
  }

  #unescape(text: string): string {
    return (this.#seen & BACKSLASH) === 0 ? text : unescapeHeader(text, this.#escapes);
  }

  #push(name: string, value: string): void {
    if (name === 'content-length') this.#contentLength ??= value;
    this.#flat.push(name, value);
  }

  /** Octets of the end of line at `at`: 1 or 2; -1 if there is none, 0 if the next octet has to tell. */
  #endOfLine(at: number): number {
    const octet = this.#bytes[at];
    if (octet === LF) return 1;
    if (octet !== CR || !this.#crlf) return -1;
    if (at + 1 >= this.#end) return 0;
    if (this.#bytes[at + 1] === LF) return 2;
    throw new FrameError('malformed-header', 'A CR in a header is not followed by LF');
  }

  #endHead(bodyStart: number): boolean {
    const trims = this.#rules.trims || this.#isOldConnect();
    if (trims) trimValues(this.#flat);
    this.#at = bodyStart;
    this.#bodyStart = bodyStart;
    const refusesBody = !COMMANDS[this.#command].body && this.#rules.strayBody === 'refused';
    if (this.#contentLength === undefined) {
      this.#state = refusesBody ? 'no-body' : 'delimited-body';
      return true;
    }
    const octets = parseContentLength(trims ? trimSpaces(this.#contentLength) : this.#contentLength);
    if (octets > 0 && refusesBody) throw this.#bodyNotAllowed();
    this.#bodyEnd = bodyStart + octets;
    if (this.#bodyEnd - this.#start >= this.#limits.frameOctets) throw frameTooLarge();
    this.#state = 'counted-body';
    return true;
  }

  #isOldConnect(): boolean {
    if (this.#version !== undefined) return false;
    const header = VERSION_HEADERS[this.#command];
    return header !== undefined && !new FrameHeaders(this.#flat).has(header);
  }

  #readNoBody(): boolean {
    if (this.#at === this.#end) return false;
    if (this.#bytes[this.#at] !== NUL) throw this.#bodyNotAllowed();
    return this.#endFrame(this.#at);
  }

  #readCountedBody(): boolean {
    const end = this.#bodyEnd;
    if (end >= this.#end) return false;
    if (this.#bytes[end] !== NUL) {
      throw new FrameError('malformed-frame', 'content-length octets are not followed by NUL');
    }
    return this.#endFrame(end);
  }

  #readDelimitedBody(): boolean {
    const end = this.#bytes.indexOf(NUL, this.#at);
    if (end === -1 || end >= this.#end) {
      this.#at = this.#end;
      return false;
    }
    return this.#endFrame(end);
  }

  #endFrame(bodyEnd: number): boolean {
    this.#bodyEnd = bodyEnd;
    this.#at = bodyEnd + 1;
    this.#state = 'ended';
    return true;
  }

  #take(): Frame {
    const { buffer, byteOffset } = this.#bytes;
    const octets = COMMANDS[this.#command].body ? this.#bodyEnd - this.#bodyStart : 0;
    const body = octets === 0 ? NO_OCTETS : new Uint8Array(buffer, byteOffset + this.#bodyStart, octets);
    const headers = new FrameHeaders(this.#flat);
    return { command: this.#command, headers, body };
  }

  #bodyNotAllowed(): FrameError {
    return new FrameError('body-not-allowed', `A ${this.#command} frame may not have a body`);
  }
}

const frameTooLarge = () => new FrameError('frame-too-large', 'The frame is larger than the limit');
const headerTooLong = () => new FrameError('header-too-long', 'A header line is longer than the limit');
const nulInHead = () => new FrameError('malformed-frame', 'A NUL stands before the blank line');
const unknownCommand = () => new FrameError('unknown-command', 'This is no command that is known here');
const noName = () => new FrameError('malformed-header', 'A header line needs a name and a colon');
