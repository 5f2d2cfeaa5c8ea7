import type { DocumentHandle } from '@tideweave/client';
import { type DocumentMerge, type MergeEntry, type MergeReport, canRestore } from '@tideweave/client/merge';
import { useMerges } from '@tideweave/client/react';
import { useEffect, useState } from 'react';
import type { User } from './devices.ts';
import { changeText, namesOf, placeOf, valueText } from './merge-text.ts';

/** What happened while this device was away, until it is dismissed. */
export function MergePanel({ handle, user }: { handle: DocumentHandle; user: User }) {
  const { merges, dismiss } = useMerges(handle);
  const [harmless, setHarmless] = useState<DocumentMerge | null>(null);
  // One without entries is told and not kept.
  useEffect(
    () => handle.on('merge', (merge) => setHarmless(merge.report.entries.length === 0 ? merge : null)),
    [handle],
  );
  return (
    <>
      {harmless !== null && (
        <section className="merge" aria-label="Merge report">
          <h3>While you were away</h3>
          <p>{summary(harmless.report)}</p>
          <button type="button" onClick={() => setHarmless(null)}>
            Dismiss
          </button>
        </section>
      )}
      {merges.map((merge) => (
        <section key={merge.id} className="merge" aria-label="Merge report">
          <h3>While you were away</h3>
          <p>{summary(merge.report)}</p>
          <ul>
            {merge.report.entries.map((entry) => (
              <li key={entry.id}>
                <Entry handle={handle} entry={entry} report={merge.report} user={user} />
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => dismiss(merge)}>
            Dismiss
          </button>
        </section>
      ))}
    </>
  );
}

function summary(report: MergeReport): string {
  const who = namesOf(report);
  if (!report.complete) return `You and ${who} both changed this; it was too much to compare.`;
  if (report.entries.length === 0) return `You and ${who} changed different things. Both are in, nothing was lost.`;
  const lost = report.entries.filter(isLost).length;
  const places = report.entries.length === 1 ? 'one place' : `${report.entries.length} places`;
  const where = report.entries.length === 1 ? 'there' : `in ${lost === 1 ? 'one' : lost} of them`;
  const losses = lost === 0 ? 'Nothing of yours was lost.' : `Yours is not shown ${where}.`;
  return `You and ${who} changed the same in ${places}. ${losses}`;
}

/** Whether something of mine is not to be seen. */
function isLost(entry: MergeEntry): boolean {
  return entry.kind === 'key' ? entry.outcome === 'theirs' : entry.kind === 'lost' && entry.side === 'mine';
}

interface EntryProps {
  readonly handle: DocumentHandle;
  readonly entry: MergeEntry;
  readonly report: MergeReport;
  readonly user: User;
}

function Entry({ handle, entry, report, user }: EntryProps) {
  const [result, setResult] = useState<'restored' | 'nothing' | 'changed' | 'gone' | null>(null);
  const restore = async (overwrite: boolean): Promise<void> =>
    setResult(await handle.restoreMine(entry, { overwrite }));
  const mayRestore = isLost(entry) && (result === null || result === 'changed') && canRestore(handle.doc, entry);
  return (
    <>
      <h4>{placeOf(entry)}</h4>
      <What entry={entry} who={namesOf(report, entry.by)} me={user.name} />
      {mayRestore && result === null && (
        <button type="button" className="primary" onClick={() => void restore(false)}>
          Restore mine
        </button>
      )}
      <p role="status">{result === null ? '' : results[result]}</p>
      {mayRestore && result === 'changed' && (
        <button type="button" onClick={() => void restore(true)}>
          Put mine in its place all the same
        </button>
      )}
    </>
  );
}

const results = {
  restored: 'Yours is back.',
  nothing: 'Yours is there already.',
  changed: 'Somebody has written there since.',
  gone: 'The place for it is gone.',
} as const;

function What({ entry, who, me }: { entry: MergeEntry; who: string; me: string }) {
  switch (entry.kind) {
    case 'key':
      return (
        <dl>
          <dt>before</dt>
          <dd>{valueText(entry.base)}</dd>
          <dt>you ({me})</dt>
          <dd>
            {valueText(entry.mine)} <Outcome isShown={entry.outcome !== 'theirs'} />
          </dd>
          <dt>{who}</dt>
          <dd>
            {valueText(entry.theirs)} <Outcome isShown={entry.outcome !== 'mine'} />
          </dd>
        </dl>
      );
    case 'list':
      return (
        <>
          <p>Both edits are in; nothing was lost.</p>
          <dl>
            <dt>you ({me})</dt>
            <dd>{changeText(entry.mine)}</dd>
            <dt>{who}</dt>
            <dd>{changeText(entry.theirs)}</dd>
          </dl>
        </>
      );
    case 'lost':
      return (
        <p>
          {entry.side === 'mine' ? `${who} deleted what you were editing.` : `You deleted what ${who} was editing.`} It
          was: {valueText(entry.value)}.
        </p>
      );
    case 'stranded':
      return <p>{entry.side === 'mine' ? 'Your' : `${who}'s`} addition is there; the text around it was deleted.</p>;
  }
}

function Outcome({ isShown }: { isShown: boolean }) {
  return <span className={isShown ? 'pill good' : 'pill danger'}>{isShown ? 'is shown' : 'lost'}</span>;
}
