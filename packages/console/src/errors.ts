/**
 * The errors of the console.
 */
import { type CodedErrorConstructor, defineError } from '@holdfast/core/options'

/** The files of the page are not there. The value is the file that is missing. */
export const PageMissingError: CodedErrorConstructor<'HOLDFAST_ERR_CONSOLE_PAGE_MISSING'> =
  defineError(
    'HOLDFAST_ERR_CONSOLE_PAGE_MISSING',
    'The file "%s" of the page cannot be read. Where the service is bundled, leave @holdfast/console out of the bundle and install it beside it.',
    500
  )
