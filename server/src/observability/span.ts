/**
 * Spans for OpenTelemetry, through its API package only: an application that registers an SDK sees what the relay does;
 * without one the API's own no-op tracer is all that runs.
 */
import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';

/** Runs within a span of this name; a rejection is recorded in it. */
export async function inSpan<Value>(name: string, attributes: Attributes, run: () => Promise<Value>): Promise<Value> {
  const span = trace.getTracer('tideweave').startSpan(name, { attributes });
  try {
    return await run();
  } catch (error) {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
