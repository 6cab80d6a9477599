// A peer of belfry-pushd: Node with npm ws, as its documentation shows a broadcast. The body of each POST goes to all
// clients.
//
//     node ws.mjs PORT NODE_MODULES
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [port, modules] = process.argv.slice(2);
const { WebSocketServer, WebSocket } = createRequire(`${modules}/`)('ws');

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const text = Buffer.concat(parts);
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text, { binary: false });
    }
    response.end();
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
