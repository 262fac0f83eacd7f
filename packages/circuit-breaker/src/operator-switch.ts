/** A switch that an operator has turned on. It is turned off once; a second time does nothing. */
export interface OperatorSwitch extends Disposable {
  /** Turns it off. The same as `[Symbol.dispose]()`. */
  release(): void
}

/** Makes a switch that calls `turnOff` once. */
export function operatorSwitch(turnOff: () => void): OperatorSwitch {
  let isOn = true
  const release = (): void => {
    if (isOn) turnOff()
    isOn = false
  }
  return { release, [Symbol.dispose]: release }
}
