#!/usr/bin/env node
/**
 * Finds what tests need from the operating system, and installs it where that can be done: a browser test that skips
 * itself on a machine without a browser would pass there and say nothing.
 *
 *   chromium()                               from other scripts: '/usr/bin/chromium'
 *   compiler()                               '/usr/bin/cc'
 *   node scripts/system-tools.mjs chromium   the path alone, for tests (compiled TypeScript cannot import this by path)
 *   node scripts/system-tools.mjs compiler   likewise, and openssl
 *   node scripts/system-tools.mjs            what was found, for people
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
/** Places outside PATH: macOS applications and Debian's own binary behind its wrapper. */
const chromiumPaths = [
  '/usr/bin/chromium',
  '/opt/google/chrome/chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Another process may be installing at this moment: wait for it instead of failing. */
const lockWaitSeconds = 300;
const installTimeoutMs = 600_000;

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function findChromium() {
  for (const name of chromiumNames) {
    const path = onPath(name);
    if (path !== undefined) return path;
  }
  return chromiumPaths.find(isExecutable);
}

/** Returns what went wrong as text, or null. */
function aptInstall(name) {
  const options = {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeoutMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const lock = ['-o', `DPkg::Lock::Timeout=${lockWaitSeconds}`];
  const steps = [
    ['update', ...lock, '-qq'],
    ['install', ...lock, '-y', '-qq', '--no-install-recommends', name],
  ];
  try {
    for (const step of steps) execFileSync('apt-get', step, options);
    return null;
  } catch (error) {
    return String(error.stderr ?? error.message).trim() || error.message;
  }
}

/**
 * The path of a Chromium: the environment's TIDEWEAVE_CHROMIUM, one on this machine, or Debian's package, installed now
 * when this runs as root. Throws an Error that says what to install and how.
 */
export function chromium() {
  const asked = process.env.TIDEWEAVE_CHROMIUM;
  if (asked) {
    if (isExecutable(asked)) return asked;
    throw new Error(`TIDEWEAVE_CHROMIUM is "${asked}", which is not an executable file.`);
  }
  const found = findChromium();
  if (found !== undefined) return found;

  let reason = 'There is no apt-get here, so it could not be installed by itself.';
  if (onPath('apt-get') !== undefined) {
    const isRoot = process.getuid?.() === 0;
    const problem = isRoot ? aptInstall('chromium') : 'only root may install packages';
    const installed = findChromium();
    if (problem === null && installed !== undefined) return installed;
    reason = `apt-get install failed: ${problem ?? 'it installed nothing that can be found'}.`;
  }
  throw new Error(
    `These tests need Chromium. Install it (Debian, Ubuntu: "sudo apt-get update && sudo apt-get install -y chromium"; ` +
      `macOS: "brew install --cask chromium"), or set TIDEWEAVE_CHROMIUM to the path of a Chromium or Chrome. ${reason}`,
  );
}

const compilerNames = ['cc', 'gcc', 'clang', 'g++'];

/**
 * The path of a C compiler: the environment's CC, one on this machine, or Debian's package, installed now when
 * this runs as root. Throws an Error that says what to install and how.
 */
export function compiler() {
  const asked = process.env.CC;
  if (asked) {
    if (isExecutable(asked)) return asked;
    throw new Error(`CC is "${asked}", which is not an executable file.`);
  }
  const find = () => compilerNames.map(onPath).find((path) => path !== undefined);
  const found = find();
  if (found !== undefined) return found;
  const canInstall = onPath('apt-get') !== undefined && process.getuid?.() === 0;
  const problem = canInstall ? (aptInstall('gcc') ?? aptInstall('libc6-dev')) : 'only root may install packages';
  const installed = find();
  if (problem === null && installed !== undefined) return installed;
  throw new Error(
    'The power loss test needs a C compiler. Install one (Debian, Ubuntu: "sudo apt-get update && sudo apt-get install -y gcc libc6-dev"), ' +
      `or set CC to the path of one. It could not be installed by itself: ${problem ?? 'it is not to be found afterwards'}.`,
  );
}

/** The path of openssl, on this machine or installed now as root. Throws an Error that says what to install and how. */
export function openssl() {
  const found = onPath('openssl');
  if (found !== undefined) return found;
  const canInstall = onPath('apt-get') !== undefined && process.getuid?.() === 0;
  const problem = canInstall ? aptInstall('openssl') : 'only root may install packages';
  const installed = onPath('openssl');
  if (problem === null && installed !== undefined) return installed;
  throw new Error(
    'The Web Push test needs openssl. Install it (Debian, Ubuntu: "sudo apt-get update && sudo apt-get install -y openssl"). ' +
      `It could not be installed by itself: ${problem ?? 'it is not to be found afterwards'}.`,
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const tool = { compiler, openssl }[process.argv[2] ?? ''];
    if (tool !== undefined) {
      console.log(tool());
      process.exit(0);
    }
    const path = chromium();
    if (process.argv[2] === 'chromium') {
      console.log(path);
      process.exit(0);
    }
    console.log(`compiler: ${compiler()}`);
    console.log(`openssl: ${openssl()}`);
    const version = spawnSync(path, ['--version', '--no-sandbox'], { encoding: 'utf8', timeout: 30_000 });
    console.log(`chromium: ${path} (${version.stdout?.trim() || 'it does not tell its version'})`);
  } catch (error) {
    console.error(`system-tools: ${error.message}`);
    process.exitCode = 1;
  }
}
