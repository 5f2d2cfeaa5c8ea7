#!/usr/bin/env node
/**
 * Finds what tests need from the operating system, and installs it where that can be done: a browser test that skips
 * itself on a machine without a browser would pass there and say nothing.
 *
 *   node scripts/system-tools.mjs NAME   the path of one tool, for tests
 *   node scripts/system-tools.mjs        what was found, for people
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** What each tool is called on a PATH, and outside of it; which Debian packages bring it; which variable names another. */
const tools = {
  chromium: {
    neededBy: 'The browser tests need Chromium.',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'],
    // Debian's own binary behind its wrapper, and macOS applications.
    paths: [
      '/usr/bin/chromium',
      '/opt/google/chrome/chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
    packages: ['chromium'],
    elsewhere: 'macOS: "brew install --cask chromium"',
    variable: 'TIDEWEAVE_CHROMIUM',
    version: ['--version', '--no-sandbox'],
  },
  compiler: {
    neededBy: 'The power loss test needs a C compiler.',
    names: ['cc', 'gcc', 'clang', 'g++'],
    packages: ['gcc', 'libc6-dev'],
    elsewhere: 'macOS: "xcode-select --install"',
    variable: 'CC',
    version: ['--version'],
  },
  curl: {
    neededBy: 'The examples of the documentation need curl.',
    names: ['curl'],
    packages: ['curl'],
    version: ['--version'],
  },
  openssl: {
    neededBy: 'The Web Push test needs openssl.',
    names: ['openssl'],
    packages: ['openssl'],
    version: ['version'],
  },
};

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

function find({ names, paths = [] }) {
  return names.map(onPath).find((path) => path !== undefined) ?? paths.find(isExecutable);
}

/** Returns what went wrong as text, or null. */
function aptInstall(packages) {
  if (onPath('apt-get') === undefined) return 'there is no apt-get here';
  if (process.getuid?.() !== 0) return 'only root may install packages';
  const options = {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeoutMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const lock = ['-o', `DPkg::Lock::Timeout=${lockWaitSeconds}`];
  const steps = [
    ['update', ...lock, '-qq'],
    ['install', ...lock, '-y', '-qq', '--no-install-recommends', ...packages],
  ];
  try {
    for (const step of steps) execFileSync('apt-get', step, options);
    return null;
  } catch (error) {
    return String(error.stderr ?? error.message).trim() || error.message;
  }
}

/**
 * The path of a tool: the one that the environment names, one on this machine, or Debian's package, installed now when
 * this runs as root. Throws an Error that says what to install and how.
 */
function pathOf(tool) {
  const { variable, neededBy, packages, elsewhere } = tool;
  const asked = variable && process.env[variable];
  if (asked) {
    if (isExecutable(asked)) return asked;
    throw new Error(`${variable} is "${asked}", which is not an executable file.`);
  }
  const found = find(tool);
  if (found !== undefined) return found;
  const problem = aptInstall(packages);
  const installed = find(tool);
  if (problem === null && installed !== undefined) return installed;
  const debian = `Debian, Ubuntu: "sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}"`;
  throw new Error(
    `${neededBy} Install it (${elsewhere ? `${debian}; ${elsewhere}` : debian})` +
      `${variable ? `, or set ${variable} to the path of one` : ''}. ` +
      `It could not be installed by itself: ${problem ?? 'it is not to be found afterwards'}.`,
  );
}

const [name] = process.argv.slice(2);
try {
  if (name !== undefined && !Object.hasOwn(tools, name)) {
    throw new Error(`there is no tool "${name}"; there are ${Object.keys(tools).join(', ')}`);
  }
  if (name === undefined) {
    for (const [each, tool] of Object.entries(tools)) {
      const path = pathOf(tool);
      const { stdout } = spawnSync(path, tool.version, { encoding: 'utf8', timeout: 30_000 });
      console.log(`${each}: ${path} (${stdout?.split('\n', 1)[0] || 'it does not tell its version'})`);
    }
  } else {
    console.log(pathOf(tools[name]));
  }
} catch (error) {
  console.error(`system-tools: ${error.message}`);
  process.exitCode = 1;
}
