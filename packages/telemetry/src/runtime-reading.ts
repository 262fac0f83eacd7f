/** What is known of the process at one moment. Times are seconds, sizes bytes. */
export interface RuntimeReading {
  /** Since the process began. */
  readonly loopActive: number
  readonly loopIdle: number
  /** 0 to 1, since the reading before. */
  readonly loopUtilization: number
  readonly heapSpaces: readonly { readonly name: string; readonly used: number }[]
  readonly cpuUser: number
  readonly cpuSystem: number
  readonly residentMemory: number
}
