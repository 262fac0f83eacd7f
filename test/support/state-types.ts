/**
 * The types of all states, as the compiler sees them: what each plugin of the suite merges into `States`.
 */
import { join } from 'node:path'
import { API, type Checker, type Project, type Type } from 'typescript/unstable/sync'
import { root } from './pack.js'

/** One member of a state. */
export interface Member {
  readonly name: string
  /** As TypeScript writes it; a union of texts with all of them. */
  readonly type: string
  /** Its doc comment, as one line. */
  readonly comment: string
  /** The name of the type that it is, or that it is a list of, where that is described, too. */
  readonly described: string | undefined
}

/** A type of the suite. */
export interface Described {
  readonly name: string
  readonly comment: string
  readonly members: readonly Member[]
}

/** The state of one plugin: its own type first, then those that its members are made of. */
export interface StateType {
  /** The plugin's npm name. */
  readonly plugin: string
  readonly types: readonly Described[]
}

/** Reads the types of the states that the packages in these folders provide. */
export function stateTypes(folders: readonly string[]): StateType[] {
  const api = new API({ cwd: root })
  try {
    const configs = folders.map((folder) => join(root, 'packages', folder, 'tsconfig.json'))
    const snapshot = api.updateSnapshot({ openProjects: configs })
    return configs.flatMap((config, index) => {
      const project = snapshot.getProject(config)
      if (project === undefined) throw new Error(`${config} is not a project`)
      return statesIn(project).filter(({ plugin }) => plugin === `@holdfast/${folders[index]}`)
    })
  } finally {
    api.close()
  }
}

/** The states that are known where a package is compiled: its own, and core's. */
function statesIn({ checker, program }: Project): StateType[] {
  // The index, not the file that declares it: plugins merge into what the package exports.
  const core = program.getSourceFile(join(root, 'packages', 'core', 'src', 'index.ts'))
  const module = core && checker.getSymbolAtLocation(core)
  const exported = module === undefined ? [] : checker.getExportsOfModule(module)
  const states = exported.find(({ name }) => name === 'States')
  if (states === undefined) throw new Error('@holdfast/core exports no States')
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(states)).map((property) => ({
    plugin: property.name,
    types: describe(checker, checker.getTypeOfSymbol(property))
  }))
}

/** A type and those that its members are made of, each once. */
function describe(checker: Checker, state: Type | undefined): Described[] {
  const found = new Map<string, Described>()
  const queue = [state]
  for (const type of queue) {
    const symbol = type?.getSymbol()
    if (type === undefined || symbol === undefined || found.has(symbol.name)) continue
    const members = checker.getPropertiesOfType(type).map((property) => {
      const memberType = checker.getTypeOfSymbol(property)
      const part = memberType && partOf(checker, memberType)
      queue.push(part)
      return {
        name: property.name,
        type: textOf(checker, memberType),
        comment: oneLine(property.getDocumentationComment(checker)),
        described: part?.getSymbol()?.name
      }
    })
    const comment = oneLine(symbol.getDocumentationComment(checker))
    found.set(symbol.name, { name: symbol.name, comment, members })
  }
  return [...found.values()]
}

/** The interface of the suite that a type is, perhaps, or is a list of. */
function partOf(checker: Checker, type: Type): Type | undefined {
  if (type.isUnionType()) {
    return type
      .getTypes()
      .map((member) => partOf(checker, member))
      .find((part) => part !== undefined)
  }
  const symbol = type.getSymbol()
  if (symbol?.name === 'ReadonlyArray' && type.isTypeReference()) {
    const [element] = checker.getTypeArguments(type)
    return element && partOf(checker, element)
  }
  const isOurs = symbol?.declarations.some(({ path }) => path.startsWith(join(root, 'packages')))
  return isOurs && type.isClassOrInterface() ? type : undefined
}

function textOf(checker: Checker, type: Type | undefined): string {
  if (type === undefined) return 'unknown'
  const members = type.isUnionType() ? type.getTypes() : []
  // An alias would hide them.
  return members.length > 0 && members.every((member) => member.isStringLiteralType())
    ? members.map((member) => checker.typeToString(member)).join(' | ')
    : checker.typeToString(type)
}

function oneLine(comment: string): string {
  return comment.replace(/\s+/g, ' ').trim()
}
