/** What campaign-control, control-heartbeat and control-acks carry, read strictly. Unknown fields are ignored. */

const SCHEMA = 1
/** Kafka's own. */
const LARGEST_PARTITION = 2 ** 31 - 1

const ID = /^[A-Za-z0-9._:-]{1,64}$/
const MOMENT = /^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?Z$/
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Fields = Record<string, unknown>

export type Action = 'pause' | 'resume'
export type Outcome = 'applied' | 'failed'

/** A command of campaign-control: what a consumer needs of it. */
export interface Command {
  readonly commandId: string
  readonly action: Action
  readonly campaignId: string
  /** The id of the campaign on its platform, where the catalog has one. */
  readonly externalId: string | null
  readonly brandId: string
  readonly epoch: number
  readonly sequence: number
  /** Why it is paused, sorted; empty for a resume. New reasons may come: show them as they are. */
  readonly reasons: readonly string[]
  readonly decidedAt: Date
  /** For people. Machines wait for the command. */
  readonly resumesAt: Date | null
  /** The partition whose worker decides on the brand, as control-heartbeat counts them. */
  readonly brandPartition: number
}

/**
 * A worker decides on this partition. Commands of all that arrived before `decidedUpTo` are on campaign-control below
 * `controlOffsets`, by partition of that topic; a worker of an older release says none.
 */
export interface Heartbeat {
  readonly partition: number
  readonly decidedUpTo: Date
  readonly controlOffsets: readonly bigint[]
}

/** Not what docs/contract.md, "Topics", describes. The message names the field; the next record is read. */
export class UnreadableRecordError extends Error {
  override name = 'UnreadableRecordError'
}

/** Below 0, 0 or above 0: only a higher (epoch, sequence) is applied. */
export function compareOrder(one: Command, other: Command): number {
  return one.epoch - other.epoch || one.sequence - other.sequence
}

/** Throws UnreadableRecordError. */
export function parseCommand(key: Uint8Array | null, value: Uint8Array): Command {
  const fields = parseFields(value)
  if (fields['schema'] !== SCHEMA) {
    throw new UnreadableRecordError(`schema is not ${SCHEMA}: this library is too old for it`)
  }
  const command: Command = {
    commandId: text(fields, 'command_id'),
    action: action(fields),
    campaignId: id(fields, 'campaign_id'),
    externalId: fields['external_id'] == null ? null : text(fields, 'external_id'),
    brandId: id(fields, 'brand_id'),
    epoch: integer(fields, 'epoch', 1),
    sequence: integer(fields, 'sequence', 1),
    reasons: reasons(fields),
    decidedAt: moment(fields, 'decided_at'),
    resumesAt: fields['resumes_at'] == null ? null : moment(fields, 'resumes_at'),
    brandPartition: partition(object(fields, 'cause'))
  }
  if (command.commandId !== `${command.campaignId}:${command.epoch}:${command.sequence}`) {
    throw new UnreadableRecordError('command_id is not campaign_id:epoch:sequence')
  }
  if (campaignOf(key) !== command.campaignId) {
    throw new UnreadableRecordError("the record's key is not its campaign_id")
  }
  if ((command.action === 'resume') !== (command.reasons.length === 0)) {
    throw new UnreadableRecordError('reasons do not fit the action: a pause has some, a resume none')
  }
  return command
}

/** Throws UnreadableRecordError. */
export function parseHeartbeat(value: Uint8Array): Heartbeat {
  const fields = parseFields(value)
  return {
    partition: partition(fields),
    decidedUpTo: moment(fields, 'decided_up_to'),
    controlOffsets: offsets(fields, 'control_offsets')
  }
}

/** The value of a record of control-acks; its key is the campaign's id. `detail` says, for people, why it failed. */
export function acknowledgement(
  command: Command,
  consumer: string,
  appliedAt: Date,
  outcome: Outcome = 'applied',
  detail: string | null = null
): string {
  return JSON.stringify({
    command_id: command.commandId,
    campaign_id: command.campaignId,
    applied_at: showMoment(appliedAt),
    consumer,
    outcome,
    detail
  })
}

/** RFC 3339 in UTC with three fraction digits, or none on a whole second. */
export function showMoment(moment: Date): string {
  return moment.toISOString().replace('.000Z', 'Z')
}

export function isId(text: string): boolean {
  return ID.test(text)
}

/** The campaign that a record's key names, if it names one. */
export function campaignOf(key: Uint8Array | null): string | null {
  const name = key === null ? '' : new TextDecoder().decode(key)
  return isId(name) ? name : null
}

function parseFields(value: Uint8Array): Fields {
  let fields: unknown
  try {
    fields = JSON.parse(UTF8.decode(value))
  } catch {
    throw new UnreadableRecordError('not JSON in UTF-8')
  }
  if (!isObject(fields)) {
    throw new UnreadableRecordError('not a JSON object')
  }
  return fields
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') {
    throw new UnreadableRecordError(`${name} is not a string`)
  }
  return value
}

function id(fields: Fields, name: string): string {
  const value = text(fields, name)
  if (!isId(value)) {
    throw new UnreadableRecordError(`${name} is not an id`)
  }
  return value
}

function action(fields: Fields): Action {
  const value = text(fields, 'action')
  if (value !== 'pause' && value !== 'resume') {
    throw new UnreadableRecordError('action is neither pause nor resume')
  }
  return value
}

function partition(fields: Fields): number {
  return integer(fields, 'partition', 0, LARGEST_PARTITION)
}

function offsets(fields: Fields, name: string): bigint[] {
  const values = fields[name] ?? []
  if (!Array.isArray(values)) {
    throw new UnreadableRecordError(`${name} is not a list of integers`)
  }
  return values.map(value => BigInt(integer({ [name]: value as unknown }, name, 0)))
}

function integer(fields: Fields, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new UnreadableRecordError(`${name} is not an integer from ${least} to ${most}`)
  }
  return value
}

function object(fields: Fields, name: string): Fields {
  const value = fields[name]
  if (!isObject(value)) {
    throw new UnreadableRecordError(`${name} is not an object`)
  }
  return value
}

function reasons(fields: Fields): string[] {
  const value = fields['reasons']
  if (!Array.isArray(value) || !value.every(reason => typeof reason === 'string')) {
    throw new UnreadableRecordError('reasons is not a list of strings')
  }
  return value
}

function moment(fields: Fields, name: string): Date {
  const value = text(fields, name)
  const parsed = new Date(value)
  // Date turns the 30th of February into the 2nd of March.
  if (!MOMENT.test(value) || Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(value.slice(0, 19))) {
    throw new UnreadableRecordError(`${name} is not a moment such as 2025-09-08T09:00:00.125Z`)
  }
  return parsed
}
