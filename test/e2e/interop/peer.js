// A WebSocket server on node's ws, for interop_test.py.  Usage, paths and output: see peer.py.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const ws = require('ws');

function pattern(size) {        // the bytes that a source sends
  const block = crypto.createHash('shake128', {outputLength: 1000003}).update('interop').digest();
  return Buffer.alloc(size, block);
}

function source(socket, size, message) {
  const data = pattern(size);
  let i = 0;
  function more() {
    if (i >= size) return socket.close(1000);
    const piece = data.subarray(i, i + message);
    i += message;
    socket.send(piece, more);
  }
  more();
}

function serve(socket, request) {
  const path = request.url.split('?')[0];
  const dot = path.lastIndexOf('.');
  const [what, ...args] = path.slice(0, dot).split('/interop/')[1].split('/');
  const digest = crypto.createHash('sha256');
  let total = 0;

  socket.on('message', (message) => {
    total += message.length;
    digest.update(message);
    if (what === 'echo') socket.send(message);
  });
  socket.on('close', (code) => {
    console.log(JSON.stringify({id: path.slice(dot + 1), bytes: total, sha256: digest.digest('hex'), code}));
  });
  socket.on('error', (error) => console.error('ws:', error.message));
  if (what === 'source') source(socket, Number(args[0]), Number(args[1]));
}

const [flag, cert, key] = process.argv.slice(2);
const server = flag === '--tls' ?
  https.createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key)}) : http.createServer();
new ws.Server({server}).on('connection', serve);
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
