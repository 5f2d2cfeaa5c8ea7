#!/usr/bin/env node
// Committed and not compiled: npm links commands when it installs, which in a checkout is before anything is built.
await import('../dist/src/main.js');
