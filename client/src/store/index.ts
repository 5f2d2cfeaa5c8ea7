/** The store on the device. An entry of its own, so that who does not use it does not load it. */
export type { Batch, KeyRange, StoreBackend } from './backend.ts';
export { type BrowserStoreOptions, openBrowserStore } from './browser-store.ts';
export { DocumentStore, type StoreOptions } from './document-store.ts';
export { type LevelStoreOptions, openLevelStore } from './level-store.ts';
export { MemoryDevice, openMemoryStore } from './memory-store.ts';
export {
  type EntryKey,
  type EntryKind,
  type Lock,
  type OfflineStore,
  type ResumePoint,
  StoreError,
  type StoreErrorCode,
  type StoreEstimate,
  type StoreLimits,
  type StoreWrite,
  type StoredAside,
  type StoredDocument,
  type StoredDocumentInfo,
  type StoredEntry,
  type StoredReport,
  defaultStoreLimits,
} from './offline-store.ts';
