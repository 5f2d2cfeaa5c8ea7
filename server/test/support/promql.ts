/** Reads PromQL with Prometheus's own grammar, for tests: what an expression asks for, or where it is not PromQL. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  readonly metric: string;
  /** The labels in its braces. */
  readonly labels: readonly string[];
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** The labels that it groups or matches series by. */
  readonly groupedBy: readonly string[];
}

/** Functions over a window of time. */
const windowed = /^(?:rate|irate|increase|delta|idelta|deriv|changes|resets|\w+_over_time)$/;

/** Throws an Error that quotes the expression and the place. */
export function readQuery(expression: string): Query {
  const selectors: { metric: string; labels: string[] }[] = [];
  const groupedBy: string[] = [];
  const fail = (why: string, at: number): never => {
    throw new Error(`${why} at ${at} of: ${expression}`);
  };
  const tree = parser.parse(expression);
  tree.iterate({
    enter: ({ type, from, to, node }) => {
      const text = expression.slice(from, to);
      if (type.isError) fail('not PromQL', from);
      else if (type.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
      else if (type.name === 'Identifier') Object.assign(selectors.at(-1) ?? {}, { metric: text });
      else if (type.name === 'FunctionIdentifier') {
        const over = ['MatrixSelector', 'SubqueryExpr'].some((kind) => node.nextSibling?.getChild(kind) != null);
        if (windowed.test(text) !== over) fail(`${text} ${over ? 'takes no' : 'needs a'} window`, from);
      } else if (type.name === 'LabelName') {
        const isGrouping = node.parent?.type.name === 'GroupingLabels';
        (isGrouping ? groupedBy : selectors.at(-1)?.labels)?.push(text);
      }
    },
  });
  if (selectors.length === 0) fail('no metric', 0);
  return { selectors, groupedBy };
}
