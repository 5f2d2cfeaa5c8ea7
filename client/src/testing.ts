/** For the simulator and for tests of other packages: a client in a world of one's own. Not covered by semantic versioning. */
export { Comparisons, differenceOf, digestOf } from './copy-state.ts';
export { DeviceCopy, resumed } from './relay/device-copy.ts';
export type { ClientEnvironment } from './environment.ts';
export { SyncClient } from './sync-client.ts';
export type { Transport, TransportEvents } from './transport/websocket-transport.ts';
