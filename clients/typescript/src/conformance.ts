/** Plays the logs of clients/conformance through the library: prints, as JSON, what each step of each log comes to. */

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { acknowledgement, showMoment } from './records.js'
import { ControlState } from './state.js'
import type { Change, Policy, Verdict } from './state.js'

interface Entry {
  partition?: number
  offset: number
  key?: string | null
  key_base64?: string
  value?: unknown
  heartbeat?: unknown
  text?: string
  base64?: string
  marker?: string
  aborted?: boolean
}

interface Step {
  now: number
  moment: string
  ends?: Record<string, number>
  fails?: Record<string, string>
  log: Entry[]
  expect: { decided_up_to: Record<string, unknown>; campaigns: Record<string, unknown> }
}

interface Log {
  policy: Policy
  heartbeats: boolean
  consumer: string
  steps: Step[]
}

function play({ policy, heartbeats, consumer, steps }: Log): unknown[] {
  const state = new ControlState(policy, { heartbeats })
  return steps.map(step => {
    const now = step.now * 1000
    if (step.ends !== undefined) {
      const ends = Object.entries(step.ends).map(([partition, end]): [number, bigint] => [Number(partition), BigInt(end)])
      state.tellEnds(new Map(ends), now)
    }
    const changes = step.log.map(entry => read(state, entry, now)).filter(change => change !== null)
    return observe(state, step, now, changes.filter(change => !change.isHistory), consumer)
  })
}

/** An aborted record is not delivered to a read_committed reader; of a marker it has the position alone. */
function read(state: ControlState, entry: Entry, now: number): Change | null {
  if (entry.partition === undefined) {
    state.readHeartbeat(data(entry, entry.heartbeat), now)
  } else if (entry.marker !== undefined) {
    state.moveTo(entry.partition, BigInt(entry.offset) + 1n)
  } else if (entry.aborted !== true) {
    return state.readCommand(entry.partition, BigInt(entry.offset), key(entry), data(entry, entry.value))
  }
  return null
}

function key(entry: Entry): Uint8Array | null {
  if (entry.key_base64 !== undefined) {
    return Buffer.from(entry.key_base64, 'base64')
  }
  return entry.key == null ? null : Buffer.from(entry.key)
}

/** JSON as the log has it, or the bytes of its `text` or `base64`; null is a tombstone. */
function data(entry: Entry, json: unknown): Uint8Array | null {
  if (entry.base64 !== undefined) {
    return Buffer.from(entry.base64, 'base64')
  }
  if (entry.text !== undefined) {
    return Buffer.from(entry.text)
  }
  return json === null ? null : Buffer.from(JSON.stringify(json))
}

function observe(state: ControlState, step: Step, now: number, changes: Change[], consumer: string): unknown {
  const numbers = Object.keys(step.expect.decided_up_to)
  return {
    caught_up: state.caughtUp,
    wants_ends: state.wantsEnds,
    unreadable_records: state.unreadableRecords,
    silent: numbers.filter(number => state.isSilent(Number(number), now)),
    decided_up_to: Object.fromEntries(numbers.map(number => [number, moment(state.decidedUpTo(Number(number)))])),
    acks: changes.map(({ command }) => {
      const detail = step.fails?.[command.commandId] ?? null
      const outcome = detail === null ? 'applied' : 'failed'
      return JSON.parse(acknowledgement(command, consumer, new Date(step.moment), outcome, detail)) as unknown
    }),
    campaigns: Object.fromEntries(Object.keys(step.expect.campaigns).map(it => [it, show(state.mayRun(it, now))]))
  }
}

function show({ mayRun, reasons, resumesAt, doubts, command }: Verdict): unknown {
  return { may_run: mayRun, reasons, resumes_at: moment(resumesAt), doubts, command_id: command?.commandId ?? null }
}

function moment(value: Date | null): string | null {
  return value === null ? null : showMoment(value)
}

const told = process.argv
  .slice(2)
  .map(path => [basename(path, '.json'), play(JSON.parse(readFileSync(path, 'utf8')) as Log)] as const)
console.log(JSON.stringify(Object.fromEntries(told)))
