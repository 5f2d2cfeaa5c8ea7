// @slow
// What an application with an OpenTelemetry SDK sees of a relay that runs within it.
import { SpanStatusCode, context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { inSpan } from '../../src/observability/span.ts';
import { NativePeer } from '../support/native-peer.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

async function edit(url: string, name: string): Promise<void> {
  const peer = await NativePeer.connect(url);
  const { doc } = await peer.open(name);
  const document = new Y.Doc();
  document.getText('t').insert(0, 'secret words');
  await peer.save(doc, 1, Y.encodeStateAsUpdate(document));
  peer.end();
}

// Before an SDK is registered, which is for the whole process.
test('O9 without an SDK no span is made', async () => {
  const recording = await inSpan('tideweave.commit', {}, () => Promise.resolve(trace.getActiveSpan()?.isRecording()));
  assert.not.ok(recording);
  const span = trace.getTracer('tideweave').startSpan('tideweave.commit');
  assert.not.ok(span.isRecording());
  assert.is(span.spanContext().traceId, '0'.repeat(32), 'the one span that the API has for all');
  assert.is(await inSpan('tideweave.load', {}, () => Promise.resolve(7)), 7);
  const failed = await inSpan('tideweave.load', {}, () => Promise.reject(new Error('no'))).catch(String);
  assert.is(failed, 'Error: no');
});

const exporter = new InMemorySpanExporter();

function register(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
}

function spansNamed(name: string): readonly ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name);
}

test('O9 loads, commits and compactions are spans, each a trace of its own, with what failed recorded', async () => {
  register();
  const application = trace.getTracer('application');
  const log = memoryLog();
  let failures = 1;
  log.faults.beforeAppend = async () => {
    // As the instrumentation of a database would.
    application.startSpan('application.write').end();
    failures -= 1;
    if (failures >= 0) throw new Error('the disk is full');
  };
  // What is active when the relay starts is so in everything that it hears of later.
  await application.startActiveSpan('application.start', (starting) =>
    withRelay({ log }, async ({ url, http }) => {
      await edit(url, 'notes');
      const compacted = await fetch(`${http}/api/admin/docs/notes/compact`, { method: 'POST' });
      assert.is(compacted.status, 200);
      await until('the compaction', () => spansNamed('tideweave.compaction').length > 0);
      starting.end();
    }),
  );

  const own = exporter
    .getFinishedSpans()
    .filter(({ instrumentationScope }) => instrumentationScope.name === 'tideweave');
  assert.equal([...new Set(own.map(({ name }) => name))].toSorted(), [
    'tideweave.commit',
    'tideweave.compaction',
    'tideweave.load',
  ]);
  for (const { name, parentSpanContext, duration } of own) {
    assert.is(parentSpanContext, undefined, `${name} is nobody's child`);
    assert.ok(duration[0] >= 0, name);
  }
  assert.is(new Set(own.map((span) => span.spanContext().traceId)).size, own.length);

  const [failed, done] = spansNamed('tideweave.commit');
  assert.equal(failed?.attributes, { 'tideweave.documents': 1 });
  assert.is(failed?.status.code, SpanStatusCode.ERROR);
  assert.equal(
    failed?.events.map(({ name, attributes }) => [name, attributes?.['exception.message']]),
    [['exception', 'the disk is full']],
  );
  assert.is(done?.status.code, SpanStatusCode.UNSET);
  assert.equal(done?.events, []);
  const writes = spansNamed('application.write').map(({ parentSpanContext }) => parentSpanContext?.spanId);
  assert.equal(
    writes.slice(0, 2),
    [failed?.spanContext().spanId, done?.spanContext().spanId],
    'what is within is a child',
  );

  for (const name of ['tideweave.load', 'tideweave.compaction']) {
    assert.equal(spansNamed(name)[0]?.attributes, { 'tideweave.document': 'notes' }, name);
  }
  const told = JSON.stringify(own.map(({ attributes, events }) => [attributes, events]));
  assert.not.match(told, 'secret words');
});

test.run();
