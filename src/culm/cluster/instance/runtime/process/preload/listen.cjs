// Loaded by every Node.js of a host process, of whatever version: its container ports become the host's.
// See preload/__init__.py. A failure leaves the program as it was.
'use strict';

const ANYWHERE = new Set([undefined, null, '', '0.0.0.0', '::']);
const HERE = new Set(['localhost', '127.0.0.1', '::1']);

function install(text, ofPeers) {
  const net = require('net');
  const [address] = (text || ofPeers).split(' ');
  const mapping = (given) => given.split(' ').slice(1).map((pair) => pair.split('='));
  const ports = new Map(mapping(text));
  const reached = new Map([...mapping(ofPeers), ...ports]);

  // listen(8000), listen('8000', '0.0.0.0', ...), listen({port: 8000, host: ...})
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (first, ...rest) {
    const isObject = typeof first === 'object' && first !== null;
    const port = ports.get(String(isObject ? first.port : first));
    const host = isObject ? first.host : typeof rest[0] === 'function' ? undefined : rest[0];
    const isHost = host === undefined || host === null || typeof host === 'string';
    if (port === undefined || (isHost && !ANYWHERE.has(host))) return listen.call(this, first, ...rest);
    const own = { port: Number(port), host: address };
    if (isObject) return listen.call(this, { ...first, ...own }, ...rest);
    const others = typeof host === 'string' || host == null ? rest.slice(typeof rest[0] === 'function' ? 0 : 1) : rest;
    if (typeof others[0] === 'number') own.backlog = others[0];
    return listen.call(this, own, ...others.filter((each) => typeof each === 'function'));
  };

  // connect(8000), connect({port: 8000, host: ...}); an agent of http passes its arguments in one array
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    const list = Array.isArray(given[0]) ? given[0] : given;
    const first = list[0];
    const isObject = typeof first === 'object' && first !== null;
    const port = reached.get(String(isObject ? first.port : first));
    const host = isObject ? first.host : typeof list[1] === 'string' ? list[1] : 'localhost';
    if (port !== undefined && HERE.has(host === undefined || host === null ? 'localhost' : host)) {
      if (isObject) list[0] = { ...first, port: Number(port), host: address };
      else list.splice(0, typeof list[1] === 'string' ? 2 : 1, { port: Number(port), host: address });
    }
    return connect.apply(this, given);
  };
}

try {
  const [own, ofPeers] = [process.env.CULM_LISTEN || '', process.env.CULM_PEERS || ''];
  if (own || ofPeers) install(own, ofPeers);
} catch (error) {
  process.stderr.write(`culm: a port in the code stays as it is: ${error}\n`);
}
