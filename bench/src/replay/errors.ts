/** Something the person at the keyboard can understand and act upon; its message is one line, shown without a stack. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';
}

/** A mistake in the arguments. */
export class UsageError extends ReplayError {}
