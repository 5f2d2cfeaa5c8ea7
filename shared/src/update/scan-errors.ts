/**
 * Every reason for which the scanner refuses an update, as it stands in `UpdateScan.error`. Tests compare with these,
 * and the relay hands them on to whoever sent the bytes.
 */
export const scanErrors = {
  truncated: 'the bytes end inside a value',
  integerRange: 'an integer is out of range',
  count: 'a claimed count exceeds the bytes left',
  trailing: 'bytes follow the delete set',
  utf8: 'a text is not valid UTF-8',
  prototypeKey: '__proto__ is not accepted as a key',
  json: 'a value is not valid JSON',
  valueDepth: 'a value is nested too deeply',
  valueTag: 'a value has an unknown type',
  documentOptions: 'the options of a subdocument are not an object of its own settings',
  clients: 'too many clients',
  duplicateClient: 'a client has two sections',
  clock: 'a clock is out of range',
  run: 'a run is too long',
  empty: 'a struct or range is empty',
  flags: 'a GC or Skip carries the flags of an item',
  kind: 'a struct has an unknown kind of content',
  typeRef: 'a shared type of unknown kind',
  selfReference: 'an item refers to itself or to a later item of its client',
  rootNames: 'too many names of root types',
  deleteRanges: 'too many deleted ranges',
} as const;
