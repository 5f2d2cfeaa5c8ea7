/** For the simulator and for tests of other packages: a client in a world of one's own. Not covered by semantic versioning. */
export { Comparisons, differenceOf, digestOf } from './copy-state.ts';
export type { ClientEnvironment } from './environment.ts';
export { checkByBruteForce } from './merge-oracle/brute-force.ts';
export type { EntriesSource } from './merge/merge-runner.ts';
export { MergeDesk } from './merge/merge-desk.ts';
export { hasBothSides } from './merge/both-sides.ts';
export { computeMergeReport } from './merge/merge-report.ts';
export type { MergeReport, MergeReportInput } from './merge/report-types.ts';
export { DeviceCopy, resumed } from './relay/device-copy.ts';
export { SyncClient } from './sync-client.ts';
export type { Transport, TransportEvents } from './transport/websocket-transport.ts';
