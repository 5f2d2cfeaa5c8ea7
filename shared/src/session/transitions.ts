/**
 * What may happen when, as total tables: every state has a cell for every event, and the compiler refuses a missing one.
 * docs/PROTOCOL.md shows the same tables; a test compares them.
 */

/** `'-'`: the event changes nothing in this state. `'!'`: the peer broke the protocol. */
export type Transition<State extends string> = State | '-' | '!';

export type TransitionTable<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Record<Event, Transition<State>>>>
>;

/** One document of one connection, as the relay sees it. */
export type ServerDocumentState =
  /** Not opened, or closed: what was on its way when it closed is no offence. */
  | 'absent'
  | 'open'
  /** The relay asked for what it lacks and waits for the resync. */
  | 'wanting';

export type ServerDocumentEvent =
  | 'granted'
  | 'push'
  | 'resync'
  | 'part'
  | 'awareness'
  | 'caught-up'
  | 'compare'
  | 'who'
  /** The relay lacks something: what was pushed builds on it, the client is ahead, or a comparison said so. */
  | 'behind-client'
  | 'leave'
  | 'refused';

export const serverDocumentTransitions: TransitionTable<ServerDocumentState, ServerDocumentEvent> = {
  absent: {
    granted: 'open',
    push: '-',
    resync: '-',
    part: '-',
    awareness: '-',
    'caught-up': '-',
    compare: '-',
    who: '-',
    'behind-client': '-',
    leave: '-',
    refused: '-',
  },
  open: {
    granted: '!',
    push: 'open',
    resync: '!',
    part: 'open',
    awareness: 'open',
    'caught-up': 'open',
    compare: 'open',
    who: 'open',
    'behind-client': 'wanting',
    leave: 'absent',
    refused: 'absent',
  },
  wanting: {
    granted: '!',
    push: 'wanting',
    resync: 'open',
    part: 'wanting',
    awareness: 'wanting',
    'caught-up': 'wanting',
    compare: 'wanting',
    who: 'wanting',
    'behind-client': '-',
    leave: 'absent',
    refused: 'absent',
  },
};

/** One document as the client's session sees it. */
export type ClientDocumentState =
  /** No connection, or not asked for yet. */
  | 'idle'
  | 'opening'
  /** Open; what was missed is arriving. */
  | 'catching-up'
  | 'live'
  /** Refused, but worth another try: waits for its time, whatever becomes of the connection meanwhile. */
  | 'waiting'
  /** Refused for good; edits stay here. */
  | 'refused'
  | 'closed';

export type ClientDocumentEvent =
  | 'ask'
  | 'opened'
  | 'update'
  | 'caught-up'
  | 'compared'
  | 'authors'
  /** The copy here lacks what the relay has: it is opened again from the beginning. */
  | 'astray'
  | 'refused-for-now'
  | 'refused-for-good'
  | 'disconnected'
  | 'close';

export const clientDocumentTransitions: TransitionTable<ClientDocumentState, ClientDocumentEvent> = {
  idle: {
    ask: 'opening',
    opened: '!',
    update: '!',
    'caught-up': '!',
    compared: '!',
    authors: '!',
    astray: '-',
    'refused-for-now': '!',
    'refused-for-good': 'refused',
    disconnected: '-',
    close: 'closed',
  },
  opening: {
    ask: '-',
    opened: 'catching-up',
    update: '!',
    'caught-up': '!',
    compared: '!',
    authors: '!',
    astray: '-',
    'refused-for-now': 'waiting',
    'refused-for-good': 'refused',
    disconnected: 'idle',
    close: 'closed',
  },
  'catching-up': {
    ask: '-',
    opened: '!',
    update: 'catching-up',
    'caught-up': 'live',
    compared: '!',
    authors: '!',
    astray: '-',
    'refused-for-now': 'waiting',
    'refused-for-good': 'refused',
    disconnected: 'idle',
    close: 'closed',
  },
  live: {
    ask: '-',
    opened: '!',
    update: 'live',
    'caught-up': '!',
    compared: 'live',
    authors: 'live',
    astray: 'idle',
    'refused-for-now': 'waiting',
    'refused-for-good': 'refused',
    disconnected: 'idle',
    close: 'closed',
  },
  waiting: {
    ask: 'opening',
    opened: '!',
    update: '-',
    'caught-up': '-',
    compared: '-',
    authors: '-',
    astray: '-',
    'refused-for-now': '-',
    'refused-for-good': 'refused',
    disconnected: '-',
    close: 'closed',
  },
  refused: {
    ask: '-',
    opened: '!',
    update: '-',
    'caught-up': '-',
    compared: '-',
    authors: '-',
    astray: '-',
    'refused-for-now': '-',
    'refused-for-good': '-',
    disconnected: '-',
    close: 'closed',
  },
  closed: {
    ask: '-',
    opened: '-',
    update: '-',
    'caught-up': '-',
    compared: '-',
    authors: '-',
    astray: '-',
    'refused-for-now': '-',
    'refused-for-good': '-',
    disconnected: '-',
    close: '-',
  },
};
