// Every word the page says, in English and Korean.
import { ClientError, type ClientErrorCode } from '@maru/client';
import { browserStorage } from './browser-storage.ts';

export const LANGUAGES = { en: 'English', ko: '한국어' } as const;
export type Language = keyof typeof LANGUAGES;

const en = {
  tagline: 'The floor between the rooms, where people meet.',
  language: 'Language',
  loading: 'Loading…',
  tryAgain: 'Try again',
  // Signing in
  signIn: 'Sign in',
  signUp: 'Create account',
  toSignUp: 'New here? Create an account',
  toSignIn: 'Have an account? Sign in instead',
  signOut: 'Sign out',
  name: 'Name',
  email: 'Email',
  password: 'Password',
  passwordHint: 'At least 8 characters.',
  nameMissing: 'Enter your name.',
  emailWrong: 'Enter an email address, like name@example.com.',
  passwordMissing: 'Enter your password.',
  passwordShort: 'The password needs at least 8 characters.',
  sessionEnded: 'Your session has ended. Please sign in again.',
  // Rooms
  rooms: 'Rooms',
  yourRooms: 'Your rooms',
  publicRooms: 'Public rooms',
  noRooms: 'No rooms yet. Make one, or join a public one.',
  noPublicRooms: 'No other public rooms.',
  newRoom: 'New room',
  roomName: 'Room name',
  roomNameMissing: 'Enter a name for the room.',
  isPublic: 'Public',
  publicHint: 'Anyone can find and join it.',
  isPrivate: 'Private',
  privateHint: 'Only for those you add.',
  visibility: 'Who can join',
  createRoom: 'Create room',
  cancel: 'Cancel',
  join: 'Join',
  joinRoom: (name: string) => `Join ${name}`,
  moreRooms: 'Show more rooms',
  noMessages: 'No messages yet',
  chooseRoom: 'Choose a room to read and write.',
  direct: 'Direct',
  unread: (count: number, mentions: number) =>
    `${count} unread${mentions === 0 ? '' : `, ${mentions} mentioning you`}`,
  // Searching
  search: 'Search people and messages',
  foundPeople: 'People',
  foundMessages: 'Messages',
  nothingFound: 'Nothing found.',
  write: 'Write',
  writeToPerson: (name: string) => `Write to ${name}`,
  // A room
  backToRooms: 'All rooms',
  people: (count: number) => (count === 1 ? '1 person' : `${count} people`),
  notMember: 'You are not in this room yet.',
  messages: 'Messages',
  firstMessage: 'Nothing has been said here yet. Say the first word.',
  loadEarlier: 'Load earlier messages',
  loadingEarlier: 'Loading…',
  loadEarlierFailed: 'Could not load. Try again',
  newMessages: 'New messages',
  message: 'Message',
  writeTo: (name: string) => `Write to ${name}`,
  send: 'Send',
  sending: 'Sending…',
  notSent: 'Not sent.',
  joined: (name: string) => `${name} joined`,
  left: (name: string) => `${name} left`,
  renamed: (name: string, room: string) => `${name} renamed the room to “${room}”`,
  roomLost: 'You can no longer read this room.',
  roomDeleted: 'This room has been deleted.',
  // A message
  messageActions: 'Actions for this message',
  react: (emoji: string) => `React with ${emoji}`,
  reactions: 'Reactions',
  reaction: (emoji: string, count: number) => `${emoji}, ${count === 1 ? '1 person' : `${count} people`}`,
  edit: 'Edit',
  editMessage: 'Edit message',
  edited: 'edited',
  save: 'Save',
  deleteMessage: 'Delete',
  deleteQuestion: 'Delete for everyone?',
  messageDeleted: 'Message deleted',
  typing: (names: readonly string[]) => {
    const [first = '', second = ''] = names;
    if (names.length === 1) return `${first} is typing…`;
    return names.length === 2 ? `${first} and ${second} are typing…` : 'Several people are typing…';
  },
  // The connection
  connecting: 'Connecting…',
  connectionLost: 'Connection lost.',
  offline: 'You are offline.',
  retryIn: (seconds: number) => `Trying again in ${seconds} s`,
  retrying: 'Trying again…',
  tryNow: 'Try now',
  connectedAgain: 'Connected again.',
  // What went wrong
  notConfigured: 'This page cannot find its server. Reload it in a moment.',
  somethingWrong: 'Something went wrong. Please try again.',
  errors: {
    network: 'The server cannot be reached. Check your connection and try again.',
    'sign-in-needed': 'Your session has ended. Please sign in again.',
    'too-many-requests': 'Too many tries. Wait a little and try again.',
    overloaded: 'The server is busy. Try again in a moment.',
    'upstream-unavailable': 'The service is not available just now. Try again in a moment.',
    'upstream-timeout': 'The service took too long to answer. Try again.',
    'room-not-found': 'There is no such room, or it is private.',
    'not-a-member': 'Only members of the room may do this.',
    'access-denied': 'You may not do this.',
    'content-too-long': 'This message is too long.',
    'frame-too-large': 'This message is too long.',
    'message-not-found': 'This message is no longer there.',
    'too-many-reactions': 'This message has as many different reactions as it can.',
    'storage-unavailable': 'The server cannot save anything just now. Try again in a moment.',
    'outbox-full': 'Too many messages are waiting to be sent.',
    INVALID_EMAIL: 'This is not an email address we can use.',
    VALIDATION_ERROR: 'Check what you entered.',
    INVALID_EMAIL_OR_PASSWORD: 'Email or password is wrong.',
    PASSWORD_TOO_SHORT: 'The password is too short.',
    PASSWORD_TOO_LONG: 'The password is too long.',
    USER_ALREADY_EXISTS: 'There is an account with this email already. Sign in instead.',
    USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'There is an account with this email already. Sign in instead.',
  } satisfies Partial<Record<ClientErrorCode, string>>,
};

export type Texts = typeof en;

const ko: Texts = {
  tagline: '방과 방 사이, 사람이 만나는 자리.',
  language: '언어',
  loading: '불러오는 중…',
  tryAgain: '다시 시도',
  signIn: '로그인',
  signUp: '가입하기',
  toSignUp: '처음이신가요? 계정 만들기',
  toSignIn: '계정이 있으신가요? 로그인으로 가기',
  signOut: '로그아웃',
  name: '이름',
  email: '이메일',
  password: '비밀번호',
  passwordHint: '8자 이상 입력하세요.',
  nameMissing: '이름을 입력하세요.',
  emailWrong: 'name@example.com 같은 이메일 주소를 입력하세요.',
  passwordMissing: '비밀번호를 입력하세요.',
  passwordShort: '비밀번호는 8자 이상이어야 합니다.',
  sessionEnded: '세션이 끝났습니다. 다시 로그인해 주세요.',
  rooms: '방 목록',
  yourRooms: '내 방',
  publicRooms: '공개 방',
  noRooms: '아직 방이 없습니다. 새로 만들거나 공개 방에 들어가 보세요.',
  noPublicRooms: '다른 공개 방이 없습니다.',
  newRoom: '새 방',
  roomName: '방 이름',
  roomNameMissing: '방 이름을 입력하세요.',
  isPublic: '공개',
  publicHint: '누구나 찾아서 들어올 수 있습니다.',
  isPrivate: '비공개',
  privateHint: '추가한 사람만 들어올 수 있습니다.',
  visibility: '들어올 수 있는 사람',
  createRoom: '방 만들기',
  cancel: '취소',
  join: '들어가기',
  joinRoom: (name) => `${name} 들어가기`,
  moreRooms: '방 더 보기',
  noMessages: '아직 메시지가 없습니다',
  chooseRoom: '이야기할 방을 고르세요.',
  direct: '1:1',
  unread: (count, mentions) => `안 읽음 ${count}${mentions === 0 ? '' : `, 나를 언급 ${mentions}`}`,
  search: '사람과 메시지 찾기',
  foundPeople: '사람',
  foundMessages: '메시지',
  nothingFound: '찾은 것이 없습니다.',
  write: '쓰기',
  writeToPerson: (name) => `${name} 님에게 쓰기`,
  backToRooms: '방 목록으로',
  people: (count) => `${count}명`,
  notMember: '아직 이 방에 들어오지 않았습니다.',
  messages: '메시지',
  firstMessage: '아직 아무 말도 없습니다. 첫마디를 건네 보세요.',
  loadEarlier: '이전 메시지 불러오기',
  loadingEarlier: '불러오는 중…',
  loadEarlierFailed: '불러오지 못했습니다. 다시 시도',
  newMessages: '새 메시지',
  message: '메시지 입력',
  writeTo: (name) => `${name}에 메시지 쓰기`,
  send: '보내기',
  sending: '보내는 중…',
  notSent: '보내지 못했습니다.',
  joined: (name) => `${name} 님이 들어왔습니다`,
  left: (name) => `${name} 님이 나갔습니다`,
  renamed: (name, room) => `${name} 님이 방 이름을 ‘${room}’(으)로 바꿨습니다`,
  roomLost: '이제 이 방을 볼 수 없습니다.',
  roomDeleted: '삭제된 방입니다.',
  messageActions: '메시지 메뉴',
  react: (emoji) => `${emoji} 반응 남기기`,
  reactions: '반응',
  reaction: (emoji, count) => `${emoji} ${count}명`,
  edit: '수정',
  editMessage: '메시지 수정',
  edited: '수정됨',
  save: '저장',
  deleteMessage: '삭제',
  deleteQuestion: '모두에게서 삭제할까요?',
  messageDeleted: '삭제된 메시지입니다',
  typing: (names) => {
    const [first = '', second = ''] = names;
    if (names.length === 1) return `${first} 님이 입력하고 있습니다…`;
    return names.length === 2
      ? `${first} 님과 ${second} 님이 입력하고 있습니다…`
      : '여러 사람이 입력하고 있습니다…';
  },
  connecting: '연결하는 중…',
  connectionLost: '연결이 끊겼습니다.',
  offline: '오프라인 상태입니다.',
  retryIn: (seconds) => `${seconds}초 뒤에 다시 연결합니다`,
  retrying: '다시 연결하는 중…',
  tryNow: '지금 연결',
  connectedAgain: '다시 연결되었습니다.',
  notConfigured: '서버를 찾을 수 없습니다. 잠시 뒤 새로고침해 주세요.',
  somethingWrong: '문제가 생겼습니다. 다시 시도해 주세요.',
  errors: {
    network: '서버에 연결할 수 없습니다. 네트워크를 확인하고 다시 시도하세요.',
    'sign-in-needed': '세션이 끝났습니다. 다시 로그인해 주세요.',
    'too-many-requests': '시도가 너무 많습니다. 잠시 뒤 다시 시도하세요.',
    overloaded: '서버가 붐빕니다. 잠시 뒤 다시 시도하세요.',
    'upstream-unavailable': '지금은 서비스를 쓸 수 없습니다. 잠시 뒤 다시 시도하세요.',
    'upstream-timeout': '서비스의 응답이 늦습니다. 다시 시도하세요.',
    'room-not-found': '없는 방이거나 비공개 방입니다.',
    'not-a-member': '방 구성원만 할 수 있습니다.',
    'access-denied': '권한이 없습니다.',
    'content-too-long': '메시지가 너무 깁니다.',
    'frame-too-large': '메시지가 너무 깁니다.',
    'message-not-found': '이미 없어진 메시지입니다.',
    'too-many-reactions': '이 메시지에는 반응을 더 남길 수 없습니다.',
    'storage-unavailable': '서버가 지금 저장할 수 없습니다. 잠시 뒤 다시 시도하세요.',
    'outbox-full': '보내지 못한 메시지가 너무 많습니다.',
    INVALID_EMAIL: '쓸 수 없는 이메일 주소입니다.',
    VALIDATION_ERROR: '입력한 내용을 확인하세요.',
    INVALID_EMAIL_OR_PASSWORD: '이메일이나 비밀번호가 맞지 않습니다.',
    PASSWORD_TOO_SHORT: '비밀번호가 너무 짧습니다.',
    PASSWORD_TOO_LONG: '비밀번호가 너무 깁니다.',
    USER_ALREADY_EXISTS: '이미 가입된 이메일입니다. 로그인해 주세요.',
    USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: '이미 가입된 이메일입니다. 로그인해 주세요.',
  },
};

export const TEXTS: Record<Language, Texts> = { en, ko };

const isLanguage = (tag: string): tag is Language => Object.hasOwn(LANGUAGES, tag);

/** The language chosen before, or else the first of the browser's that we have. */
export function preferredLanguage(): Language {
  const tags = [
    browserStorage('maru.language').read() ?? '',
    ...navigator.languages.map((tag) => tag.slice(0, 2)),
  ];
  return tags.find(isLanguage) ?? 'en';
}

export function rememberLanguage(language: Language): void {
  browserStorage('maru.language').write(language);
}

/** What to tell a person about a failure. */
export function explain(error: unknown, texts: Texts): string {
  if (!(error instanceof ClientError)) return texts.somethingWrong;
  const known: Partial<Record<ClientErrorCode, string>> = texts.errors;
  return known[error.code] ?? texts.somethingWrong;
}
