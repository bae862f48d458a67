// git's own http-backend behind the smallest server there is: what a push over HTTP costs without a gate. Wants a password, as ours.
import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';

const { repository, password } = JSON.parse(process.argv[2]);
const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
const authorization = `Basic ${Buffer.from(`x:${password}`).toString('base64')}`;

const server = createServer((request, response) => {
  if (request.headers.authorization !== authorization) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
    return;
  }
  const [path, query = ''] = request.url.split('?');
  const headers = {
    CONTENT_TYPE: request.headers['content-type'],
    CONTENT_LENGTH: request.headers['content-length'],
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
    GIT_PROTOCOL: request.headers['git-protocol'],
  };
  const child = spawn(program, [], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: repository,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      REMOTE_USER: 'x',
      ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  request.pipe(child.stdin);
  let head = '';
  const readHead = (chunk) => {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', readHead);
    const lines = head.slice(0, end).split('\r\n');
    const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
    const { Status: status = '200', ...rest } = Object.fromEntries(pairs);
    response.writeHead(Number(status.slice(0, 3)), rest);
    response.write(Buffer.from(head.slice(end + 4), 'latin1'));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', readHead);
});

server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', port: server.address().port }));
