/** Everything that can go wrong in the simulated world, by name. A run of the fixed seeds must have seen every one of them. */
export const faultKinds = [
  // network
  'cut',
  'half-open-client',
  'half-open-relay',
  'clog-down',
  'clog-up',
  'partition',
  'loss',
  'duplicate',
  'delay',
  'slow-reader',
  'duplicate-connection',
  // disk
  'disk-full',
  'disk-error',
  'disk-error-kept',
  'read-error',
  'slow-fsync',
  'torn',
  'bit-flip',
  // relay
  'relay-killed',
  'relay-power-loss',
  'relay-dies-in-write',
  'relay-restarted',
  'delete',
  'create',
  'new-history',
  'unload',
  'restore',
  'compaction',
  'authorizer-fails',
  'clock-jump',
  // clients
  'device-crash',
  'device-disk-error',
  'crash-together',
  'close-document',
  'close-when-wanted',
  'close-when-refused',
  'refused-midway',
  'disconnect',
  'bad-token',
  'bad-frame',
] as const;

export type FaultKind = (typeof faultKinds)[number];
