/** The document that a path names. Browsers escape what a path may not have; a stock server takes the path as it comes. */
export function nameInPath(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    // Not an escape at all: the name has a bare percent sign.
    return escaped;
  }
}
