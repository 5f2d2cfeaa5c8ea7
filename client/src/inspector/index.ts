/** Shows what a relay has and how it is doing: for applications in development, and the page at `/_/` of every relay. */
export { type InspectorPlace, SyncInspector, type SyncInspectorProps } from './sync-inspector.tsx';
export type { InspectorToken } from './relay-api.ts';
