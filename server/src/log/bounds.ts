/**
 * The bounds of what is stored, in one place (R6); docs/STORAGE.md quotes them. What an operator may change is in
 * `Limits` of the shared package. Names end in their unit.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of a snapshot per stored value: large enough to be cheap, small enough for LevelDB's blocks and caches. */
export const chunkBytes: number = 64 * KiB;
/** Parts of a snapshot per batch: 1 MiB, so that appends get in between. */
export const chunksPerBatch = 16;
/** Bytes of updates per record of a document that is restored. */
export const imageRecordBytes: number = MiB;
/** Keys that one batch of a clearing deletes. */
export const deletesPerBatch = 1000;
/** Heads that `list` reads at a time. */
export const headsPerPage = 256;
/** Heads kept in memory, so that an append to a live document reads nothing. */
export const headsMax = 20_000;
/** Documents found damaged by reading, remembered until the process ends. (Marked ones are remembered for ever.) */
export const damagedMax = 10_000;
/** How often a read starts again because the document changed under it. */
export const readAttemptsMax = 5;
/** How often a read that was cut off by reopening the database is done again. */
export const reopenRetriesMax = 3;
/** Bytes per round trip of an iterator; LevelDB's default of 16 KiB is made for records that are looked at one by one. */
export const iteratorBytes: number = MiB;
/** Room that LevelDB needs to recover: a memory table of 4 MiB as a table file, and its new log. */
export const headroomBytes: number = 8 * MiB;

/** What a waiting entry costs beside its update. */
export const entryOverheadBytes = 64;
/** Bytes of one commit, unless a single document has more waiting; the rest goes with the next. */
export const commitBytesMax: number = 16 * MiB;
/** Waits between attempts to commit while the storage fails: doubled from the first to the longest. */
export const commitRetryMs = { first: 100, max: 5000 } as const;

/** Bytes of table files whose every block is checked before the database is opened, newest first; of older ones only what leads through them. */
export const startCheckBytesMax: number = 1024 * MiB;
/** Bytes of one of the two files of the witness: more than what two memory tables of LevelDB can mention. */
export const witnessFileBytesMax: number = 8 * MiB;
