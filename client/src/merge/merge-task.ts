import type { MergeReport, MergeReportInput } from './report-types.ts';

/** What the page sends to the worker. */
export interface MergeRequest {
  readonly n: number;
  readonly input: MergeReportInput;
}

/** What the worker answers; `ready` is the first thing it says. */
export type MergeResponse =
  | { readonly ready: true }
  | { readonly n: number; readonly report: MergeReport }
  | { readonly n: number; readonly error: string };
