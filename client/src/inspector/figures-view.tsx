import type { FiguresPage, FiguresSample } from '@tideweave/shared';
import { type ReactElement, useCallback } from 'react';
import { Chart } from './chart.tsx';
import { bytes, count, millis, moment } from './format.ts';
import { Facts, Problem } from './parts.tsx';
import type { RelayApi } from './relay-api.ts';
import { useAsked } from './use-asked.ts';

const everyMs = 1000;
/** Samples in a chart, one a second. */
const shown = 120;

type Read = (sample: FiguresSample) => number | null;

interface ChartPlan {
  readonly title: string;
  readonly show: (value: number) => string;
  readonly lines: readonly (readonly [name: string, read: Read])[];
}

const plans: readonly ChartPlan[] = [
  {
    title: 'Updates per second',
    show: count,
    lines: [['new', ({ perSecond }) => perSecond.updates]],
  },
  {
    title: 'Deliveries per second',
    show: count,
    lines: [['sent', ({ perSecond }) => perSecond.deliveries]],
  },
  {
    title: 'Acknowledgement (durable)',
    show: millis,
    lines: [
      ['p50', ({ ackMs }) => ackMs.p50],
      ['p99', ({ ackMs }) => ackMs.p99],
    ],
  },
  {
    title: 'Commit',
    show: millis,
    lines: [
      ['p50', ({ commitMs }) => commitMs.p50],
      ['p99', ({ commitMs }) => commitMs.p99],
    ],
  },
  {
    title: 'Delay of the event loop',
    show: millis,
    lines: [
      ['p50', ({ eventLoopMs }) => eventLoopMs?.p50 ?? null],
      ['p99', ({ eventLoopMs }) => eventLoopMs?.p99 ?? null],
    ],
  },
  {
    title: 'Open',
    show: count,
    lines: [
      ['connections', ({ connections }) => connections],
      ['documents', ({ rooms }) => rooms],
    ],
  },
  {
    title: 'Memory',
    show: bytes,
    lines: [
      ['resident', ({ residentBytes }) => residentBytes],
      ['heap', ({ heapBytes }) => heapBytes],
    ],
  },
  {
    title: 'Waiting bytes',
    show: bytes,
    lines: [
      ['in sockets', ({ socketBufferBytes }) => socketBufferBytes],
      ['for a commit', ({ uncommittedBytes }) => uncommittedBytes],
    ],
  },
  {
    title: 'Processors',
    show: (value) => value.toFixed(2),
    lines: [['busy', ({ cpu }) => cpu]],
  },
  {
    title: 'Refusals per second',
    show: count,
    lines: [['refused', ({ perSecond }) => perSecond.refusals]],
  },
];

/** How the relay is doing, second by second. */
export function FiguresView({ api }: { api: RelayApi }): ReactElement {
  const ask = useCallback(
    async (signal: AbortSignal, known: FiguresPage | null): Promise<FiguresPage> => {
      const after = known?.samples.at(-1)?.time ?? 0;
      const { startedAt, samples } = await api.get<FiguresPage>(`figures?after=${after}`, signal);
      // Another start is another relay: what was before is not its own.
      const before = known?.startedAt === startedAt ? known.samples : [];
      return { startedAt, samples: [...before, ...samples].slice(-shown) };
    },
    [api],
  );
  const { answer, error } = useAsked<FiguresPage>(ask, everyMs);
  const samples = answer?.samples ?? [];
  const last = samples.at(-1);
  const waiting = last?.waitingWebhooks ?? null;
  return (
    <section aria-labelledby="tw-figures">
      <h2 id="tw-figures">Figures</h2>
      <Problem error={error} />
      <Facts
        facts={[
          ['Running since', answer === null ? '–' : moment(answer.startedAt)],
          ['Storage', last === undefined ? '–' : last.storageWorks ? 'takes writes' : 'FAILS: nothing is acknowledged'],
          ['Sessions', last === undefined ? '–' : count(last.sessions)],
          ['Webhooks waiting', waiting === null ? '–' : count(waiting)],
        ]}
      />
      {samples.length === 0 && <p className="tw-muted">They are taken from now on, one a second.</p>}
      <div className="tw-charts">
        {plans.map(({ title, show, lines }) => (
          <Chart
            key={title}
            title={title}
            show={show}
            width={shown}
            lines={lines.map(([name, read]) => ({ name, values: samples.map(read) }))}
          />
        ))}
      </div>
      <Refusals samples={samples} />
    </section>
  );
}

/** Those of the time that the charts show, by code. */
function Refusals({ samples }: { samples: readonly FiguresSample[] }): ReactElement | null {
  const counts = new Map<string, number>();
  for (const { refusals } of samples) {
    for (const [code, refused] of Object.entries(refusals)) counts.set(code, (counts.get(code) ?? 0) + refused);
  }
  if (counts.size === 0) return null;
  return (
    <>
      <h3>Refusals in this time, by code</h3>
      <Facts facts={[...counts].sort(([, a], [, b]) => b - a).map(([code, refused]) => [code, count(refused)])} />
    </>
  );
}
