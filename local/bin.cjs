#!/usr/bin/env node
// Must parse on any Node: says what is needed where Node is too old, else starts the command line.
'use strict';
var path = require('node:path');
var fs = require('node:fs');
var url = require('node:url');

var parts = process.versions.node.split('.');
if (Number(parts[0]) < 24 || (Number(parts[0]) === 24 && Number(parts[1]) < 15)) {
  console.error(
    'busway needs Node >= 24.15; this is v' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\nInstall it beside your project (npm install --save-dev node@24.21.0) or run once: npx -p node@24.21.0 -p busway busway',
  );
  process.exit(2);
}
var built = path.join(__dirname, '..', 'dist', 'local', 'main.js');
var entry = fs.existsSync(built) ? built : path.join(__dirname, 'main.ts');
import(url.pathToFileURL(entry).href);
