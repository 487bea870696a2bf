import type { Resource } from '../../access/define.ts'
import type { Field, ResourceModel } from '../../access/model.ts'

/** When a client may set a field at all, whatever its rights. */
export function writableWhen(model: ResourceModel, field: Field): 'always' | 'create' | 'never' {
  if (field.stored) return 'always'
  return (isResource(model) ? model.definitions[field.name]?.write : undefined) ?? 'never'
}

/** Models are resources of the service; rights and conditions know only the former. */
export const isResource = (model: ResourceModel): model is Resource => 'definitions' in model
