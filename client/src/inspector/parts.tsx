import type { ReactElement, ReactNode } from 'react';
import type { RelayApiError } from './relay-api.ts';

/** Rows that scroll by themselves; the keyboard reaches them. */
export function Rows({ label, children }: { label: string; children: ReactNode }): ReactElement {
  return (
    <div className="tw-rows" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export function Problem({ error }: { error: RelayApiError | null }): ReactElement | null {
  if (error === null) return null;
  return (
    <p className="tw-problem" role="alert">
      {error.code === '' ? error.message : `${error.code}: ${error.message}`}
    </p>
  );
}

/** Names and values. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }): ReactElement {
  return (
    <dl className="tw-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What stands in a table for a user or a device that has no name. */
export function Name({ text }: { text: string }): ReactElement {
  return text === '' ? <span className="tw-muted">none</span> : <span>{text}</span>;
}
