#!/usr/bin/env node
// Must parse on any Node: says in one sentence what is needed where Node is too old, and exits with 2; else starts the
// command line, from its sources in the repository and from lib/ in the published package, which has no sources.
'use strict';
var path = require('node:path');
var fs = require('node:fs');
var url = require('node:url');

var parts = process.versions.node.split('.');
if (Number(parts[0]) < 24 || (Number(parts[0]) === 24 && Number(parts[1]) < 15)) {
  console.error(
    'busway needs Node 24.15 or newer and this is v' +
      process.versions.node +
      ' (' +
      process.execPath +
      '): "npm install --save-dev node@24.21.0" puts one into the project, and "npx -p node@24.21.0 -p busway busway" uses one once',
  );
  process.exit(2);
}
var sources = path.join(__dirname, 'main.ts');
var built = path.join(__dirname, '..', 'lib', 'local', 'main.js');
import(url.pathToFileURL(fs.existsSync(sources) ? sources : built).href);
