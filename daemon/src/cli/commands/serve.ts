import type { Command } from 'commander';
import { readDaemonConfig, type ServeOptions, serveDefaults } from '../../config.ts';
import { startDaemon } from '../../daemon.ts';
import { createLog } from '../../log.ts';
import { act, addCommand } from '../command.ts';

export function registerServe(program: Command): void {
  const command = addCommand(program, 'serve', {
    summary: 'run the daemon',
    description:
      'Follows a git repository, validates every commit, and publishes signed config over MQTT until it is stopped.\n' +
      'When it is ready it prints one line of JSON on standard output; its log goes to standard error.\n' +
      'Every option is also a variable: HEADWATER_DATA, HEADWATER_REPO, HEADWATER_HTTP, ...',
    examples: [
      'headwater serve --data ~/headwater                         # its own repository, made from the starter',
      'headwater serve --data ~/headwater --repo ./my-config      # follow a repository of yours',
      'headwater serve --data ~/headwater --repo https://git.example/team/config.git --repo-token-file ./git-token',
      'headwater serve --data ~/headwater --http 127.0.0.1:0 --mqtt 127.0.0.1:0',
    ],
  })
    .option('--data <dir>', "the daemon's own files: keys, tokens, last-known-good copies")
    .option(
      '--repo <path|url>',
      'repository to follow: a path on this machine, or an https, ssh or file address (default: <data>/repo.git)',
    )
    .option('--repo-token-file <file>', 'token for an https address, in a file of mode 0600')
    .option('--branch <name>', `branch to follow (default: ${serveDefaults.branch})`)
    .option(
      '--http <host:port>',
      `address of the API; port 0 = any free one (default: ${serveDefaults.http})`,
    )
    .option(
      '--mqtt <host:port|url>',
      `address of the embedded broker, or the URL of an outside one (default: ${serveDefaults.mqtt})`,
    )
    .option('--tls <auto|cert,key>', 'comes later; put a TLS proxy in front until then')
    .option('--allow-plaintext', 'listen beyond this machine without TLS')
    .option('--config <file>', 'settings that are no flags (default: <data>/config.json)')
    .option('--log-level <level>', 'debug, info, warn or error (default: info)')
    .option('--log-format <format>', 'text or json (default: text on a terminal, else json)');
  act<ServeOptions>(command, async (io, options) => {
    const config = await readDaemonConfig(options, io.env);
    const stream = { write: (line: string) => io.terminal.stderr(line), isTTY: io.terminal.stderrIsTerminal };
    const log = createLog({
      stream,
      level: config.logLevel,
      ...(config.logFormat ? { format: config.logFormat } : {}),
    });
    const daemon = await startDaemon(config, log);
    io.terminal.stdout(`${JSON.stringify(daemon.readyLine)}\n`);
    await aborted(io.signal);
    log.info({}, 'stopping');
    await daemon.stop();
    log.info({}, 'stopped');
    return true;
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
