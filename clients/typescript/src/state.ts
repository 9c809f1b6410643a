/** The pure fold of campaign-control and control-heartbeat: no I/O, no clock. Time is an argument. */

import { campaignOf, compareOrder, parseCommand, parseHeartbeat, UnreadableRecordError } from './records.js'
import type { Command, Heartbeat } from './records.js'

/** After so long without a heartbeat whose commands were read, nobody is known to decide on a partition's brands. */
export const SILENCE_MS = 5000

/**
 * What a campaign does while there is a doubt. `open`: go on as last told; a campaign of which nothing was told runs.
 * `closed`: stop.
 */
export type Policy = 'open' | 'closed'

/**
 * Why the last command that was read may not be the last word. `unreadable`: a record with the campaign's key could not
 * be read, and nothing after it has made up for it. `silent`: nobody has decided on the brand for SILENCE_MS, or ever
 * since the reader started; or what was decided lies for so long behind another transaction that is open, where no reader
 * gets it.
 */
export type Doubt = 'catching_up' | 'unknown_campaign' | 'unreadable' | 'silent'

/** Whether a campaign may run, and why. Without doubts, `mayRun` is what `command` says. */
export interface Verdict {
  readonly mayRun: boolean
  readonly reasons: readonly string[]
  readonly resumesAt: Date | null
  readonly doubts: readonly Doubt[]
  readonly command: Command | null
}

/** A command that was applied: it is higher than the one held before. */
export interface Change {
  readonly command: Command
  /** It was on the topic before the reader started, so that nobody can tell when it was applied first. */
  readonly isHistory: boolean
}

/** The last command of every campaign. `now` is in milliseconds since any fixed moment and never runs back. */
export class ControlState {
  unreadableRecords = 0
  lastError: string | null = null
  readonly #policy: Policy
  readonly #heartbeats: boolean
  readonly #commands = new Map<string, Command>()
  readonly #doubtful = new Set<string>()
  readonly #positions = new Map<number, bigint>()
  /** Heartbeats whose commands were not read yet: of each partition the oldest and the newest, and when they came. */
  readonly #ahead = new Map<number, [Heartbeat, number][]>()
  readonly #heardAt = new Map<number, number>()
  readonly #decidedUpTo = new Map<number, Date>()
  #historyEnds: ReadonlyMap<number, bigint> | null = null
  #ends: ReadonlyMap<number, bigint> = new Map()
  #endsToldAt = 0

  /** `heartbeats: false` for a Spendgate that writes none: then nothing is ever silent. */
  constructor(policy: Policy, { heartbeats = true }: { heartbeats?: boolean } = {}) {
    this.#policy = policy
    this.#heartbeats = heartbeats
  }

  /** Apply a record of campaign-control; the change it made, if any. A tombstone makes a campaign unknown. */
  readCommand(partition: number, offset: bigint, key: Uint8Array | null, value: Uint8Array | null): Change | null {
    this.moveTo(partition, offset + 1n)
    if (value === null) {
      this.#forget(campaignOf(key))
      return null
    }
    const command = this.#readable(() => parseCommand(key, value))
    if (command === null) {
      this.#doubt(campaignOf(key))
      return null
    }
    const held = this.#commands.get(command.campaignId)
    const order = held === undefined ? 1 : compareOrder(command, held)
    if (order >= 0) {
      this.#doubtful.delete(command.campaignId)
    }
    if (order <= 0) {
      return null
    }
    this.#commands.set(command.campaignId, command)
    const end = this.#historyEnds?.get(partition)
    return { command, isHistory: end === undefined || offset < end }
  }

  /**
   * Take a heartbeat that was written while the reader was reading: one from before tells nothing of now. It counts from
   * its coming, but not before every command that it speaks of was read.
   */
  readHeartbeat(value: Uint8Array | null, now: number): void {
    if (value === null) {
      return
    }
    const heartbeat: Heartbeat | null = this.#readable(() => parseHeartbeat(value))
    if (heartbeat === null) {
      return
    }
    const since = Math.max(this.#heardAt.get(heartbeat.partition) ?? this.#endsToldAt, this.#endsToldAt)
    if (now - since > SILENCE_MS) {
      this.#ends = new Map() // what was decided meanwhile may still have to be read
    }
    const ahead = this.#ahead.get(heartbeat.partition) ?? []
    this.#ahead.set(heartbeat.partition, [...ahead.slice(0, 1), [heartbeat, now]])
    this.#countHeartbeats()
  }

  /** The reader will read `position` next. It may lie behind records that readers do not see. */
  moveTo(partition: number, position: bigint): void {
    this.#positions.set(partition, position)
    this.#countHeartbeats()
  }

  /** The end offsets of all partitions of campaign-control, as a read_committed reader is told them. */
  tellEnds(ends: ReadonlyMap<number, bigint>, now: number): void {
    this.#historyEnds ??= new Map(ends)
    this.#ends = new Map(ends)
    this.#endsToldAt = now
  }

  /** The reader has to ask for the end offsets: at its start, and after a silence. */
  get wantsEnds(): boolean {
    return this.#ends.size === 0
  }

  /** How many offsets are left to read, of each partition that has some. */
  get behind(): Map<number, bigint> {
    const lags = [...this.#ends].map(([partition, end]): [number, bigint] => [
      partition,
      end - (this.#positions.get(partition) ?? 0n)
    ])
    return new Map(lags.filter(([, lag]) => lag > 0n))
  }

  /** All was read that was on the topic when the end offsets were asked for. */
  get caughtUp(): boolean {
    return !this.wantsEnds && this.behind.size === 0
  }

  mayRun(campaignId: string, now: number): Verdict {
    const command = this.#commands.get(campaignId) ?? null
    const doubts = this.#doubts(campaignId, command, now)
    const told = command === null ? this.#policy === 'open' : command.action === 'resume'
    return {
      mayRun: told && (doubts.length === 0 || this.#policy === 'open'),
      reasons: command?.reasons ?? [],
      resumesAt: command?.resumesAt ?? null,
      doubts,
      command
    }
  }

  /** Whether nobody is known to decide on the brands of a partition. */
  isSilent(partition: number, now: number): boolean {
    const heardAt = this.#heardAt.get(partition)
    return this.#heartbeats && (heardAt === undefined || now - heardAt > SILENCE_MS)
  }

  /** Every command of what arrived before was read; null until a heartbeat came and its commands were read. */
  decidedUpTo(partition: number): Date | null {
    return this.#decidedUpTo.get(partition) ?? null
  }

  /** The ids of all campaigns of which a command is held, sorted. */
  campaigns(): string[] {
    return [...this.#commands.keys()].sort()
  }

  /** The newest of each partition whose commands were read meanwhile; those before it are of no more use. */
  #countHeartbeats(): void {
    for (const [partition, ahead] of this.#ahead) {
      for (const [number, [heartbeat, cameAt]] of [...ahead.entries()].reverse()) {
        if (this.#hasRead(heartbeat.controlOffsets)) {
          this.#heardAt.set(partition, cameAt)
          this.#decidedUpTo.set(partition, heartbeat.decidedUpTo)
          ahead.splice(0, number + 1)
          break
        }
      }
      if (ahead.length === 0) {
        this.#ahead.delete(partition)
      }
    }
  }

  #hasRead(offsets: readonly bigint[]): boolean {
    return offsets.every((offset, partition) => (this.#positions.get(partition) ?? 0n) >= offset)
  }

  #doubts(campaignId: string, command: Command | null, now: number): Doubt[] {
    const found: [Doubt, boolean][] = [
      ['catching_up', !this.caughtUp],
      ['unknown_campaign', command === null],
      ['unreadable', this.#doubtful.has(campaignId)],
      ['silent', command !== null && this.isSilent(command.brandPartition, now)]
    ]
    return found.filter(([, holds]) => holds).map(([doubt]) => doubt)
  }

  #readable<T>(parse: () => T): T | null {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) {
        throw error
      }
      this.unreadableRecords += 1
      this.lastError = error.message
      return null
    }
  }

  #forget(campaignId: string | null): void {
    if (campaignId !== null) {
      this.#commands.delete(campaignId)
      this.#doubtful.delete(campaignId)
    }
  }

  #doubt(campaignId: string | null): void {
    if (campaignId !== null) {
      this.#doubtful.add(campaignId)
    }
  }
}
