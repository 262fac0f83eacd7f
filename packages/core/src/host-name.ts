/**
 * The names under which an operator's page may be asked. A page of somebody else can let its own name
 * point to a loopback address (DNS rebinding) and so read what listens there; the `Host` field then
 * carries that name. An IP address in it cannot be rebound.
 */
import { isIP } from 'node:net'

/**
 * Whether a `Host` field (RFC 9110, 7.2) names an IP address, `localhost` or a name below it, or one
 * of the further names.
 *
 * @param host the field as it came, with or without a port; `undefined` (HTTP/1.0) is not trusted
 * @param names further names, in lower case
 */
export function isTrustedHost(host: string | undefined, names: ReadonlySet<string>): boolean {
  const name = /^(?<name>\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(host ?? '')?.groups?.['name'] ?? ''
  const lower = name.toLowerCase().replace(/\.$/, '')
  if (lower === 'localhost' || lower.endsWith('.localhost')) return true
  return isIP(lower.replace(/^\[|\]$/g, '')) !== 0 || names.has(lower)
}
