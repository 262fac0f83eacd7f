/**
 * Lets Node 20 run TypeScript as later ones do by themselves, for `--import`.
 */
import { register } from 'node:module'

if (!Reflect.get(process.features, 'typescript'))
  register('./strip-types-hooks.js', import.meta.url)
