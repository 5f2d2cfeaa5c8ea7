/**
 * Just enough of a TypeScript lexer for the repository laws: which characters are code, and which stand in a comment, a
 * text or a regular expression. A law about `Date.now` must not trip over a sentence that mentions it.
 */

const regexMayFollow =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>])\s*$|\b(?:return|typeof|case|in|of|do|else|void|throw|yield|await)\s*$/;

/**
 * `code`: comments, texts and regular expressions blanked. `uncommented`: only comments blanked.
 * Both keep every offset and line of the original.
 */
export function lex(text) {
  const code = text.split('');
  const uncommented = text.split('');
  const blank = (chars, from, to) => {
    for (let i = from; i < to; i++) if (text[i] !== '\n') chars[i] = ' ';
  };
  /** Depth of braces at which each open `${` of a template literal ends. */
  const templates = [];
  let depth = 0;
  let at = 0;

  /** Blanks template text from `from` up to the closing backtick or the next `${`; returns the place after it. */
  const templateText = (from) => {
    let i = from;
    while (i < text.length && text[i] !== '`' && !text.startsWith('${', i)) i += text[i] === '\\' ? 2 : 1;
    blank(code, from, Math.min(i, text.length));
    if (!text.startsWith('${', i)) return i + 1;
    templates.push(depth);
    depth += 1;
    return i + 2;
  };

  while (at < text.length) {
    const char = text[at];
    if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const close = text[at + 1] === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2;
      const end = close <= 1 ? text.length : close;
      blank(code, at, end);
      blank(uncommented, at, end);
      at = end;
    } else if (char === "'" || char === '"') {
      let end = at + 1;
      while (end < text.length && text[end] !== char && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
      blank(code, at + 1, end);
      at = end + 1;
    } else if (char === '`') {
      at = templateText(at + 1);
    } else if (char === '/' && regexMayFollow.test(code.slice(Math.max(0, at - 40), at).join(''))) {
      let end = at + 1;
      for (let inClass = false; end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/'); end++) {
        if (text[end] === '\\') end += 1;
        else if (text[end] === '[') inClass = true;
        else if (text[end] === ']') inClass = false;
      }
      blank(code, at + 1, end);
      at = end + 1;
    } else {
      if (char === '{') depth += 1;
      if (char === '}') {
        depth -= 1;
        if (templates.at(-1) === depth) {
          templates.pop();
          at = templateText(at + 1);
          continue;
        }
      }
      at += 1;
    }
  }
  return { text, code: code.join(''), uncommented: uncommented.join('') };
}

export function lineAt(text, offset) {
  return text.slice(0, offset).split('\n').length;
}
