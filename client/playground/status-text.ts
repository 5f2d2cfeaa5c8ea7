/** What a status means to somebody who types: docs/client.md has the table. */
import type { ClientStatus, DocumentStatus } from '@tideweave/client';

export interface StatusText {
  /** `danger`: an edit can be lost, or a person is needed. */
  readonly tone: 'good' | 'busy' | 'device' | 'danger';
  readonly label: string;
  readonly detail: string;
}

const nextSteps = {
  retry: 'It is tried again by itself.',
  reauth: 'It is tried again with a new token.',
  reload: 'Reload the page.',
  upgrade: 'Reload the page to get a newer version of it.',
  contact: 'Ask whoever looks after the relay.',
} as const;

export function statusText(status: DocumentStatus, client: ClientStatus): StatusText {
  const { phase, pending, safe, synced, progress, upload } = status;
  const error = status.error ?? client.error;
  const edits = `${pending.updates} ${pending.updates === 1 ? 'edit' : 'edits'}`;
  if (phase === 'refused' && error !== null) {
    return { tone: 'danger', label: 'Refused', detail: `${error.reason}. ${nextSteps[error.action]}` };
  }
  if (phase === 'loading') {
    const detail =
      progress === null ? 'Reads what there is.' : `${size(progress.receivedBytes)} of ${size(progress.totalBytes)}`;
    return { tone: 'busy', label: 'Loading', detail };
  }
  const why = error === null ? '' : ` The relay said: ${error.reason}. ${nextSteps[error.action]}`;
  if (pending.updates === 0) {
    const detail = synced ? "On the relay's disk, and you have everything." : "What you wrote is on the relay's disk.";
    return { tone: 'good', label: 'Saved on the server', detail: detail + why };
  }
  if (upload !== null) {
    const detail = `${size(upload.savedBytes)} of ${size(upload.totalBytes)} are safe.`;
    return { tone: 'busy', label: 'Sending', detail: detail + why };
  }
  if (safe === 'memory') {
    return { tone: 'danger', label: 'In memory', detail: `${edits} would be lost with this page.${why}` };
  }
  if (synced) return { tone: 'busy', label: 'Sending', detail: `${edits} on the way; on this device already.${why}` };
  return { tone: 'device', label: 'Saved on this device', detail: `${edits} wait for a connection.${why}` };
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
