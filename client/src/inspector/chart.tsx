import type { ReactElement } from 'react';

/** One line of a chart; null where nothing was measured. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  /** One or two. */
  readonly lines: readonly Line[];
  readonly show: (value: number) => string;
  /** Samples that fill the width; fewer begin at the right. */
  readonly width: number;
}

const [boxWidth, boxHeight] = [300, 70];

/** Numbers over time, the newest at the right; what the newest are stands beside it as text. */
export function Chart({ title, lines, show, width }: ChartProps): ReactElement {
  const measured = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const top = Math.max(0, ...measured);
  const scale = top === 0 ? 0 : (boxHeight - 2) / top;
  const newest = (line: Line): string => {
    const value = line.values.at(-1) ?? null;
    return value === null ? '–' : show(value);
  };
  const label = `${title}: ${measured.length === 0 ? 'nothing yet' : `from ${show(Math.min(...measured))} to ${show(top)}`}`;
  return (
    <figure className="tw-chart">
      <figcaption>
        <span>{title}</span>
        {lines.map((line, index) => (
          <span key={line.name} className={`tw-series-${index}`}>
            {line.name} <b>{newest(line)}</b>
          </span>
        ))}
      </figcaption>
      <svg viewBox={`0 0 ${boxWidth} ${boxHeight}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {lines.map(({ name, values }, index) => (
          <path
            key={name}
            className={`tw-series-${index}`}
            d={pathOf(values, width, scale)}
            vectorEffect="non-scaling-stroke"
          />
        ))}
      </svg>
      <span className="tw-muted tw-scale">{show(top)}</span>
    </figure>
  );
}

function pathOf(values: readonly (number | null)[], width: number, scale: number): string {
  const step = boxWidth / Math.max(1, width - 1);
  const first = boxWidth - step * (values.length - 1);
  let path = '';
  let isDown = false;
  for (const [index, value] of values.entries()) {
    if (value !== null) {
      path += `${isDown ? 'L' : 'M'}${(first + index * step).toFixed(1)} ${(boxHeight - 1 - value * scale).toFixed(1)}`;
    }
    isDown = value !== null;
  }
  return path;
}
