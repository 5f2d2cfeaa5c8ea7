/** The bounds of an import (R6). Names end in their unit. */
const MiB = 1024 * 1024;

/** Bytes of all updates of one document. */
export const documentBytesMax: number = 512 * MiB;
/** Updates of one document. */
export const documentUpdatesMax = 4_194_304;
/** Documents under way at a time, and the bytes that they may have together. */
export const inFlightMax = 64;
export const inFlightBytesMax: number = 64 * MiB;
/** Worker threads. */
export const threadsMax = 4;
/** One document may keep a thread for so long; a pathological one would for ever. */
export const workMsMax = 120_000;
/** Memory of one thread (MB): what needs more ends the thread, not the process. */
export const threadMemoryMb = 3072;
/** A document up to this size is stored as an entry of the log, in a commit with others; a larger one as a snapshot. */
export const entryBytesMax: number = 256 * 1024;
/** Documents that a report names of each kind. */
export const findingsShownMax = 1000;
