/**
 * A plugin as a third party would write it, with the names that core offers and nothing else: it
 * serves the tenants it knows, and refuses all others.
 */
import {
  channel,
  declareFact,
  defineError,
  enlist,
  factsOf,
  intake,
  onSettled,
  refuse
} from '@holdfast/core'
import { check, checkOptions } from '@holdfast/core/options'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

/** The tenant a request belongs to. */
export interface TenantFact {
  readonly name: string
  readonly known: boolean
}

/** A request of a tenant that is not known. */
export interface TenantRefused {
  readonly app: FastifyInstance
  readonly name: string
}

declare module '@holdfast/core' {
  interface RequestFacts {
    tenant?: TenantFact | undefined
  }
  interface Refusers {
    'acme-tenants': true
  }
  interface ChannelPayloads {
    'acme:tenants:refused': TenantRefused
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** How many requests of each ending were taken in. */
    tenantEndings: Map<string, number>
  }
}

export interface TenantsOptions {
  readonly known: readonly string[]
}

declareFact('tenant')

const refused = channel('acme:tenants:refused')

const UnknownTenantError = defineError('ACME_ERR_TENANT_UNKNOWN', 'Tenant %s is not known', 403)

const plugin: FastifyPluginAsync<TenantsOptions> = async (app, options) => {
  enlist(app, 'acme-tenants', { after: ['acme-front-door'] })
  checkOptions('tenants', options, { known: check.listOf(check.text) })

  app.addHook('onRequest', function acmeTenants(request, reply, next) {
    const name = String(request.headers['x-tenant'])
    const known = options.known.includes(name)
    const facts = factsOf(request)
    facts.tenant = { name, known }
    // Only there where the request log is registered, too.
    request.addLogFields?.({ tenant: name })
    if (known) {
      next()
      return
    }
    facts.refusedBy = 'acme-tenants'
    if (refused.hasSubscribers) refused.publish({ app, name })
    refuse(reply, new UnknownTenantError(name), next)
  })

  const endings = new Map<string, number>()
  app.decorate('tenantEndings', endings)
  intake(app, {
    request: (_request, response) =>
      onSettled(response, ({ req }, ending) => {
        const { tenant } = factsOf(req)
        const key = `${tenant?.name} ${ending}`
        endings.set(key, (endings.get(key) ?? 0) + 1)
      })
  })
}

export const tenants: FastifyPluginAsync<TenantsOptions> = fp(plugin, { name: 'acme-tenants' })
