/**
 * The text of errors that come from anywhere: of any type, with members that may throw.
 */
import { describe } from '@holdfast/core/options'

/** The message of an error, or a description of what was thrown in its place. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return `${describe(error)} was thrown`
    return String(error.message) || 'an error without a message'
  } catch {
    return 'an error that cannot be shown'
  }
}
