/**
 * `tideweave serve`: starts a relay, says where it listens, and ends it in good order. What is said to the person who
 * starts it is a plain line; what the running relay has to say is its log.
 */
import closeWithGrace from 'close-with-grace';
import { isCheckout } from '../api/pages.ts';
import type { Config } from '../config-schema.ts';
import { type Relay, createRelay } from '../index.ts';
import { asError, createLogger } from '../observability/log.ts';
import { listenFailure, reachable, showHost } from './listening.ts';

/** The relay ends its drain by itself after `drainMs`; this much later the process ends regardless (R5). */
const drainMarginMs = 1000;

/** Resolves when the relay listens. Ends the process with exit code 1 when it cannot. */
export async function serve(config: Config): Promise<void> {
  const logger = createLogger({ level: config.logLevel });
  if (config.insecure) {
    process.stderr.write(
      `tideweave: WARNING: --insecure: everyone who can reach ${showHost(config.host)} may read and write every document\n`,
    );
  }

  const playground = config.playground ?? isCheckout();
  let isEnding = false;
  const starting = createRelay({
    host: config.host,
    port: config.port,
    data: config.data,
    limits: config.limits,
    allowedOrigins: config.allowedOrigins,
    insecure: config.insecure,
    playground,
    ...(config.webhooks !== null && { webhooks: config.webhooks }),
    logger,
  });
  // Before the relay is up: a signal during a long start must not leave half-opened storage behind.
  closeWithGrace(
    {
      delay: config.limits.drainMs + drainMarginMs,
      // Nothing is left to drain when the event loop runs empty, and a failed start sets its own exit code.
      skip: ['beforeExit'],
      logger: false,
      onTimeout: (delay) => logger.error({ delay }, 'the drain took too long; the process ends now'),
      onSecondSignal: (signal) => logger.warn({ signal }, 'a second signal: the process ends at once'),
      onSecondError: (err) =>
        logger.fatal({ err: asError(err) }, 'another error while draining; the process ends at once'),
    },
    async ({ signal, err }) => {
      isEnding = true;
      if (err) logger.fatal({ err: asError(err) }, 'an error nobody caught: draining, then ending');
      else logger.info({ signal }, 'draining');
      // A start that fails ends the process below.
      const relay = await starting.catch(() => null);
      try {
        await relay?.close();
        logger.info({}, 'drained');
      } catch (error) {
        logger.fatal({ err: asError(error) }, 'the drain failed');
        throw error;
      }
    },
  );

  let relay: Relay;
  try {
    relay = await starting;
  } catch (error) {
    process.stderr.write(`tideweave: ${describeFailure(error, config)}\n`);
    process.exit(1);
  }
  if (isEnding) return;
  const { host, port } = relay.address;
  const lines = [`listening on ws://${showHost(host)}:${port} (data: ${config.data})`];
  if (playground) lines.push(`to try it, open http://${showHost(reachable(host))}:${port}/`);
  process.stdout.write(lines.map((line) => `tideweave: ${line}\n`).join(''));
}

/** An error's message with those of its causes: the storage's own says only that opening failed. */
function messageOf(error: Error): string {
  const messages: string[] = [];
  for (let at: unknown = error; at instanceof Error && messages.length < 4; at = at.cause) {
    const message = at.message.trim().replace(/\s*\n\s*/g, ' ');
    if (!messages.includes(message)) messages.push(message);
  }
  return messages.join(': ');
}

/** One line: what went wrong and what to do. */
function describeFailure(thrown: unknown, { host, port, data }: Config): string {
  const error = asError(thrown);
  switch ('code' in error ? error.code : undefined) {
    case 'TW_STORAGE_LOCKED':
      return `the data folder ${data} is in use by another relay: stop that one, or choose another with --data`;
    case 'EACCES':
    case 'EPERM':
      return `permission denied: ${messageOf(error)}; choose a --port over 1023 and a --data folder that this user may write`;
    default:
      return listenFailure(error, host, port) ?? `could not start with the data in ${data}: ${messageOf(error)}`;
  }
}
