import type { DocumentStatus, SafeTier } from '@tideweave/shared';
import type { DocumentFacts } from './messages.ts';

/** What the leader said last of a document, and whether it still leads. */
export interface KnownFacts extends DocumentFacts {
  readonly fresh: boolean;
}

const tiers: readonly SafeTier[] = ['memory', 'device', 'server'];
const lower = (a: SafeTier, b: SafeTier): SafeTier => (tiers.indexOf(a) < tiers.indexOf(b) ? a : b);

/**
 * The status that a tab shows: what the leader knows, and this tab's own edits that have not got there. `own` is what this
 * tab's session says, which takes the leader for the relay; `lastN` the number of its newest edit.
 */
export function sharedStatus(own: DocumentStatus, facts: KnownFacts | null, lastN: number): DocumentStatus {
  if (facts === null) return { ...own, synced: false, verified: false, progress: null, access: null, user: null };
  const { status, complete, receivedN, durableN, fresh } = facts;
  // Between two leaders, and in a refusal, only what was said before is known.
  if (!fresh || own.phase === 'refused') {
    const ownSafe = own.safe === 'memory' && lastN <= durableN ? 'device' : own.safe;
    const { access, user } = status;
    return { ...own, synced: false, verified: false, progress: null, safe: lower(ownSafe, status.safe), access, user };
  }
  const { updates, bytes, since } = own.pending;
  const behind = complete ? Math.min(updates, Math.max(0, lastN - receivedN)) : updates;
  return {
    ...status,
    phase: own.phase === 'loading' ? status.phase : own.phase,
    synced: own.synced && status.synced,
    verified: status.verified && own.synced && behind === 0,
    pending: {
      updates: status.pending.updates + behind,
      bytes: status.pending.bytes + (behind === 0 ? 0 : Math.ceil((bytes * behind) / updates)),
      since: behind === 0 ? status.pending.since : Math.min(since ?? Infinity, status.pending.since ?? Infinity),
    },
    safe: own.safe !== 'server' && (!complete || behind > 0) ? 'memory' : status.safe,
    error: own.error ?? status.error,
  };
}
