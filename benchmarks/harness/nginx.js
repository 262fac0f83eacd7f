/**
 * A real nginx in front of one server of this machine, doing what it is put there for: a limit for each address,
 * a line for each request, and no request for a server that failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '../../test/support/programs.js'
import { canPin } from './nodes.js'

/** The path of nginx, where it is installed. */
export const nginx = findProgram('nginx')

/**
 * Starts it with one worker, on core 0 where the system can pin.
 *
 * @param {number} port of its own @param {number} upstream port of the server behind it
 * @param {number} [mostInFlight] the most requests that it lets in at once
 * @returns {Promise<{ pids: number[], stop(): Promise<void> }>}
 */
export async function startNginx(port, upstream, mostInFlight) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'))
  const config = join(folder, 'nginx.conf')
  const pidFile = join(folder, 'nginx.pid')
  writeFileSync(config, configuration(port, upstream, pidFile, mostInFlight))
  const [command = '', ...args] = [
    ...(canPin ? ['taskset', '-c', '0'] : []),
    ...[String(nginx), '-p', folder, '-c', config]
  ]
  const master = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = new Promise((resolve) => {
    master.once('exit', resolve)
  })
  const stop = async () => {
    master.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true })
  }
  const pid = Number(master.pid)
  for (let tries = 0; tries < 500; tries++) {
    await sleep(10)
    const workers = childrenOf(pid)
    if (workers.length > 0) return { pids: [pid, ...workers], stop }
    if (master.exitCode !== null) break
  }
  await stop()
  throw new Error('nginx does not start')
}

/** @param {number} port @param {number} upstream @param {string} pidFile @param {number | undefined} mostInFlight */
function configuration(port, upstream, pidFile, mostInFlight) {
  // A connection counts while a request of it is worked on.
  const [zone, limit] =
    mostInFlight === undefined
      ? ['', '']
      : [
          'limit_conn_zone $server_port zone=service:1m; limit_conn_status 503;',
          `limit_conn service ${mostInFlight};`
        ]
  return `
    daemon off;
    user root;
    worker_processes 1;
    error_log stderr crit;
    pid ${pidFile};
    events { worker_connections 1024; }
    http {
      access_log /dev/null combined;
      ${zone}
      limit_req_zone $binary_remote_addr zone=clients:10m rate=1000000r/s;
      upstream service {
        server 127.0.0.1:${upstream} max_fails=5 fail_timeout=10s;
        keepalive 64;
        keepalive_requests 1000000000;
      }
      server {
        listen 127.0.0.1:${port};
        keepalive_requests 1000000000;
        limit_req zone=clients burst=100000 nodelay;
        ${limit}
        location / {
          proxy_pass http://service;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
        }
      }
    }
  `
}

/** @param {number} pid */
function childrenOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
