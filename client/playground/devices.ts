/** The two devices of the page: each a client of its own with its own store and its own network. */
import { SyncClient } from '@tideweave/client';
import { mergeReports } from '@tideweave/client/merge';
import { openBrowserStore } from '@tideweave/client/store';
import { Network } from './network.ts';
import { Timeline } from './timeline.ts';

export interface User {
  readonly name: string;
  readonly color: string;
  readonly colorLight: string;
}

export interface Device {
  readonly letter: 'A' | 'B';
  readonly user: User;
  readonly network: Network;
  readonly client: SyncClient;
}

export const timeline: Timeline = new Timeline();

/** The relay that served this page. */
function relayUrl(): string {
  const url = new URL('/', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

/** People, so that somebody on a second machine is not called the same; dark enough for white letters on them. */
const people = {
  A: [
    ['Ada', '#1864ab'],
    ['Alan', '#5f3dc4'],
    ['Annie', '#0b7285'],
    ['Anton', '#364fc7'],
  ],
  B: [
    ['Grace', '#a61e4d'],
    ['Barbara', '#c2410c'],
    ['Ben', '#2b6a30'],
    ['Bjarne', '#862e9c'],
  ],
} as const;

/** The same from visit to visit of this browser. */
function userOf(letter: 'A' | 'B'): User {
  const key = `tideweave-playground-person-${letter}`;
  const kept = Number(localStorage.getItem(key) ?? Number.NaN);
  const at = Number.isInteger(kept) ? kept : Math.floor(Math.random() * people[letter].length);
  localStorage.setItem(key, String(at));
  const [name, color] = people[letter][at] ?? people[letter][0];
  return { name, color, colorLight: `${color}33` };
}

function createDevice(letter: 'A' | 'B'): Device {
  const network = new Network((direction, frame) => timeline.add(letter, direction, frame));
  const store = openBrowserStore({
    location: `tideweave-playground-${letter.toLowerCase()}`,
    onError: (error) => console.error(error),
  });
  const client = new SyncClient({
    url: relayUrl(),
    device: `playground ${letter}`,
    store,
    merges: mergeReports(),
    WebSocket: network.WebSocket,
  });
  return { letter, user: userOf(letter), network, client };
}

export const devices: readonly Device[] = [createDevice('A'), createDevice('B')];
