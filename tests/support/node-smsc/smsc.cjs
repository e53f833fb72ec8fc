// An SMSC made of npm's smpp. Prints what happens, a JSON object a line; sends the deliver_sm that are put on stdin.
// Arguments: the password, then key and certificate for TLS. A text that begins with "slow down" is throttled.
'use strict';
const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

const [password, key, cert] = process.argv.slice(2);
for (const [name, id] of [['pe_id', 0x1400], ['template_id', 0x1401], ['tm_chain', 0x1402]]) {
  smpp.addTLV(name, { id, type: smpp.types.tlv.string });
}

const sessions = new Set();
const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n');
let messages = 0;

function serve(session) {
  session.on('error', () => {});
  session.on('close', () => sessions.delete(session));
  session.on('bind_transceiver', (pdu) => {
    const ok = pdu.password === password;
    session.send(pdu.response({ command_status: ok ? smpp.ESME_ROK : smpp.ESME_RINVPASWD }));
    if (ok) sessions.add(session);
    tell({ event: 'bind', system_id: pdu.system_id, version: pdu.interface_version, ok });
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    session.close();
    tell({ event: 'unbind' });
  });
  session.on('submit_sm', (pdu) => {
    const { message, udh } = pdu.short_message;
    const text = typeof message === 'string' ? message : null;
    const throttled = text !== null && text.startsWith('slow down');
    messages += 1;
    session.send(pdu.response(throttled
      ? { command_status: smpp.ESME_RTHROTTLED }
      : { message_id: messages.toString(16).padStart(8, '0') }));
    tell({
      event: 'submit', text, udh: udh ? Buffer.concat([].concat(udh)).toString('hex') : null,
      source: [pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi],
      destination: [pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi],
      data_coding: pdu.data_coding, registered_delivery: pdu.registered_delivery,
      tlvs: { pe_id: pdu.pe_id, template_id: pdu.template_id, tm_chain: pdu.tm_chain },
      payload: pdu.message_payload ? pdu.message_payload.message : null,
    });
  });
}

const options = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } : {};
const server = smpp.createServer(options, serve);
server.listen(0, '127.0.0.1', () => tell({ event: 'listening', port: server.address().port }));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  for (const session of sessions) {
    session.deliver_sm(JSON.parse(line), (answer) => tell({ event: 'answer', status: answer.command_status }));
  }
}).on('close', () => process.exit(0));
