/**
 * Spans for OpenTelemetry, through its API package only: an application that registers an SDK sees what the relay does;
 * without one the API's own no-op tracer is all that runs.
 */
import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('tideweave');

/**
 * Runs within a span of this name; a rejection is recorded in it. It begins a trace of its own: what the relay does
 * serves many, and whoever was there first is not its parent. Spans made within `run` are its children.
 */
export function inSpan<Value>(name: string, attributes: Attributes, run: () => Promise<Value>): Promise<Value> {
  return tracer.startActiveSpan(name, { attributes, root: true }, async (span) => {
    try {
      return await run();
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
