// A peer of the benchmark: stdin and stdout over node's ws.
// usage: peer_ws.js PORT HOST CA
const fs = require('fs');
const WebSocket = require('ws');

const [port, host, ca] = process.argv.slice(2);
const ws = new WebSocket(`wss://127.0.0.1:${port}/bench`, {
  ca: fs.readFileSync(ca), servername: host, headers: { Host: host },
  perMessageDeflate: false, maxPayload: 0,
});

ws.on('open', () => {
  process.stdin.on('data', (piece) => {
    process.stdin.pause();
    ws.send(piece, () => process.stdin.resume());
  });
  process.stdin.on('end', () => ws.close(1000));
  setInterval(() => ws.ping(), 30000).unref();
});
ws.on('message', (piece) => {
  if (!process.stdout.write(piece)) {
    ws.pause();
    process.stdout.once('drain', () => ws.resume());
  }
});
ws.on('close', () => { process.exitCode = 0; process.stdin.destroy(); });
ws.on('error', (e) => { console.error(e.message); process.exitCode = 1; });
