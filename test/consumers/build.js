/**
 * Bundles `bundled.js` with esbuild and with rollup, as an ES module and in CommonJS, minified and not, and
 * prints the names of the bundles. Nothing is left out of a bundle by name.
 */
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import resolve from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { build } from 'esbuild'
import { rollup } from 'rollup'

// Fastify is CommonJS, which asks for these; an ES module does not have them.
const ofCommonJs = `import { createRequire as __createRequire } from 'node:module'
import { fileURLToPath as __fileURLToPath } from 'node:url'
const require = __createRequire(import.meta.url)
const __filename = __fileURLToPath(import.meta.url)
const __dirname = __fileURLToPath(new URL('.', import.meta.url))`

const warnings = []
const input = await rollup({
  input: 'bundled.js',
  plugins: [resolve({ preferBuiltins: true }), commonjs({ ignoreDynamicRequires: true }), json()],
  onwarn({ code, message }) {
    // The optional API stays an import; Fastify's own modules import one another in circles.
    if (code !== 'CIRCULAR_DEPENDENCY' && !message.includes('@opentelemetry/api')) {
      warnings.push(message)
    }
  }
})

for (const [format, extension] of [
  ['esm', 'mjs'],
  ['cjs', 'cjs']
]) {
  const banner = format === 'esm' ? ofCommonJs : ''
  for (const minify of [false, true]) {
    const name = `${format}${minify ? '.min' : ''}.${extension}`
    const { warnings: told } = await build({
      entryPoints: ['bundled.js'],
      bundle: true,
      platform: 'node',
      format,
      minify,
      banner: { js: banner },
      outfile: `bundles/esbuild.${name}`
    })
    warnings.push(...told.map(({ text }) => text))
    await input.write({
      file: `bundles/rollup.${name}`,
      format,
      banner,
      inlineDynamicImports: true,
      plugins: minify ? [terser()] : []
    })
    console.log(`esbuild.${name}\nrollup.${name}`)
  }
}
if (warnings.length > 0) throw new Error(warnings.join('\n'))
