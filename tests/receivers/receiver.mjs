// A receiver of the widespread kind, on node:http: it parses the body first and signs what it has parsed.

import crypto from 'node:crypto';
import http from 'node:http';

const secret = process.env.WEBHOOK_SECRET;

function check(req, body) {
  if (req.headers['x-webhook-token'] !== secret) return [401, 'unauthorized'];
  const sig = req.headers['x-webhook-signature'];
  if (sig) {
    const h = crypto.createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex');
    if (!crypto.timingSafeEqual(Buffer.from(sig), Buffer.from(h))) {
      return [401, 'bad signature'];
    }
  }
  return [200, 'ok'];
}

const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const [status, text] = check(req, JSON.parse(Buffer.concat(chunks).toString('utf8')));
    res.writeHead(status).end(text);
  });
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
