/** The looks of `SyncInspector`: imported for their effect. */
// oxlint-disable-next-line unicorn/require-module-specifiers -- a module that is imported for its effect has nothing to export
export {};
