/**
 * The shape of a test's title: it begins with the rule it guards, so that a failing test names the broken promise.
 * Used by tidy.mjs on the source and by test-child.mjs on the titles that really ran (some are built at run time).
 */

/** Durability, Convergence, Access, Robustness, Loading, the User's screen, Operating; Protocol, Storage, Workloads. */
export const letters = 'DCARLUOPSW';

/** `D1 …`, `D1 C3 …`, `D1, C3: …` */
export const titleRule = new RegExp(String.raw`^[${letters}]\d+(?:,? [${letters}]\d+)*(?::|\s|$)`);

export const titleHint = `begins with the rule it guards, such as "D1 …" or "C3 C5 …" (letters ${letters})`;
