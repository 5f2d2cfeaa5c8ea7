/** The document's name stands in the address behind `#`, so that a copy of the address opens it elsewhere. */
export function documentName(): string {
  // Another name is another document: everything begins anew.
  globalThis.addEventListener('hashchange', () => location.reload());
  const asked = decode(location.hash.slice(1));
  if (asked !== '') return asked;
  const name = `playground-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36) ?? ''}`;
  history.replaceState(null, '', `#${encodeURIComponent(name)}`);
  return name;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
