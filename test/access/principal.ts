import { randomUUID } from 'node:crypto'
import { Ability } from '../../src/access/ability.ts'
import type { Grant } from '../../src/access/grant.ts'
import type { Models } from '../../src/access/model.ts'
import type { Principal } from '../../src/access/principal.ts'
import { me } from './probe.ts'

/**
 * A member who may what all the layers allow (the roles, and what an API key leaves of them); of a tenant of their own,
 * unless said otherwise.
 */
export function principalOf(layers: readonly Grant[][], models: Models, more: Partial<Principal> = {}): Principal {
  const [first = Ability.of([], me, models), ...others] = layers.map((grants) => Ability.of(grants, me, models))
  return {
    kind: 'member',
    id: me.id,
    onBehalfOf: null,
    tenantId: randomUUID(),
    region: 'default',
    units: '*',
    defaultUnit: null,
    purpose: null,
    purposeRequiredFor: new Set(),
    me,
    roleIds: [],
    ability: others.reduce((all, one) => all.and(one), first),
    grants: layers,
    revealQuota: 0,
    credential: null,
    standing: null,
    ...more,
  }
}
