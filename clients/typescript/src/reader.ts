/**
 * Follows the topics with @platformatic/kafka, feeds the fold and sends acknowledgements. All thinking is in state.ts.
 *
 * It fetches by itself instead of with the client's stream: that one lets records of aborted transactions through when
 * a producer has aborted twice within a fetch, and tells no position behind a transaction marker.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectionPool, Consumer, fetchV13, Producer, ProduceAcks } from '@platformatic/kafka'
import type { ConnectionOptions } from '@platformatic/kafka'
import { acknowledgement, isId } from './records.js'
import type { Command, Outcome } from './records.js'
import { ControlState } from './state.js'
import type { Change, Policy, Verdict } from './state.js'
import { committed } from './transactions.js'
import type { AbortedTransaction, FetchedBatch } from './transactions.js'

const CONTROL = 'campaign-control'
const HEARTBEAT = 'control-heartbeat'
const ACKS = 'control-acks'

const READ_COMMITTED = 1
const LATEST = -1n
const EARLIEST = -2n
const FETCH_WAIT_MS = 500
const FETCH_BYTES = 8 * 1024 * 1024
const PAUSE_AFTER_ERROR_MS = 200

export interface ReaderOptions {
  brokers: string[]
  /** Names you in acknowledgements. */
  consumer: string
  policy: Policy
  topicPrefix?: string
  /** False for a Spendgate that writes none: then nothing is ever silent. */
  heartbeats?: boolean
  /** What the client needs besides, such as TLS and SASL. */
  connection?: ConnectionOptions
}

interface Partition {
  topic: string
  number: number
  position: bigint
}

/** How a fetch ended; an error is told by the poll that takes it. */
interface FetchEnd {
  leader: number
  fetched: FetchedPartition[]
  error?: unknown
}

interface FetchedPartition {
  partition: Partition
  batches: readonly FetchedBatch[]
  aborted: readonly AbortedTransaction[]
}

/** Every campaign's last command, kept up to date by `poll`. */
export class ControlReader {
  failedAcknowledgements = 0
  readonly #name: string
  readonly #prefix: string
  readonly #state: ControlState
  readonly #topics: string[]
  readonly #client: Consumer
  readonly #producer: Producer
  readonly #connections: ConnectionPool
  readonly #fetching = new Map<number, Promise<FetchEnd>>()
  readonly #sending = new Set<Promise<void>>()
  #preparing: Promise<{ error?: unknown }> | null = null
  #partitions: Partition[] = []

  /** Rejects when the broker does not answer or a topic is missing. */
  static async open(options: ReaderOptions): Promise<ControlReader> {
    const reader = new ControlReader(options)
    try {
      await reader.#begin()
    } catch (error) {
      await reader.close()
      throw error
    }
    return reader
  }

  private constructor({ brokers, consumer, policy, topicPrefix = '', heartbeats = true, connection = {} }: ReaderOptions) {
    if (!isId(consumer)) {
      throw new RangeError(`consumer ${consumer}: 1-64 of A-Z a-z 0-9 . _ : -`)
    }
    this.#name = consumer
    this.#prefix = topicPrefix
    this.#state = new ControlState(policy, { heartbeats })
    this.#topics = heartbeats ? [topicPrefix + CONTROL, topicPrefix + HEARTBEAT] : [topicPrefix + CONTROL]
    const common = { ...connection, clientId: `spendgate-control-${consumer}`, bootstrapBrokers: brokers }
    this.#client = new Consumer({ ...common, groupId: common.clientId }) // never joined: a reader reads all partitions
    this.#producer = new Producer(common)
    this.#connections = new ConnectionPool(common.clientId, connection)
  }

  /** Send what is left of the acknowledgements, and leave. */
  async close(): Promise<void> {
    await Promise.all(this.#sending)
    await Promise.all([this.#connections.close(), this.#client.close(true), this.#producer.close(true)])
    await Promise.all(this.#fetching.values())
  }

  /** Read all that is on the topic; rejects when that takes longer than so many milliseconds. */
  async catchUp(timeoutMs: number): Promise<Change[]> {
    const deadline = performance.now() + timeoutMs
    const changes: Change[] = []
    while (!this.caughtUp) {
      const left = deadline - performance.now()
      if (left <= 0) {
        const behind = [...this.#state.behind].map(([partition, lag]) => `${lag} of partition ${partition}`).join(', ')
        throw new Error(`${this.#prefix}${CONTROL} was not read to its end; offsets still to read: ${behind || 'unknown'}`)
      }
      changes.push(...(await this.poll(Math.min(left, 1000))))
    }
    return changes
  }

  /** Read what has come, waiting up to so many milliseconds for it: the commands to carry out, in their order. */
  async poll(waitMs: number): Promise<Change[]> {
    const waiting = new AbortController()
    const timeout = sleep(waitMs, null, { signal: waiting.signal }).catch(() => null)
    try {
      if ((await Promise.race([this.#prepared(), timeout])) === null) {
        return []
      }
      const end = await Promise.race([...this.#fetching.values(), timeout])
      return end === null ? [] : this.#take(end).flatMap(partition => this.#read(partition))
    } catch (error) {
      this.#recover(error)
      await Promise.race([sleep(PAUSE_AFTER_ERROR_MS), timeout])
      return []
    } finally {
      waiting.abort()
    }
  }

  mayRun(campaignId: string): Verdict {
    return this.#state.mayRun(campaignId, performance.now())
  }

  /** The ids of all campaigns of which a command is held, sorted. */
  campaigns(): string[] {
    return this.#state.campaigns()
  }

  get caughtUp(): boolean {
    return this.#state.caughtUp
  }

  get unreadableRecords(): number {
    return this.#state.unreadableRecords
  }

  /** Tell Spendgate that the command was carried out, or failed. Sent in the background; losing one is no harm. */
  acknowledge(
    command: Command,
    { outcome = 'applied', detail = null, appliedAt = new Date() }: { outcome?: Outcome; detail?: string | null; appliedAt?: Date } = {}
  ): void {
    const value = acknowledgement(command, this.#name, appliedAt, outcome, detail)
    const messages = [{ topic: this.#prefix + ACKS, key: Buffer.from(command.campaignId), value: Buffer.from(value) }]
    const sent = this.#producer.send({ messages, acks: ProduceAcks.ALL }).then(
      () => {},
      () => {
        this.failedAcknowledgements += 1
      }
    )
    this.#sending.add(sent)
    void sent.finally(() => this.#sending.delete(sent))
  }

  async #begin(): Promise<void> {
    const starts = await this.#offsets(this.#prefix + CONTROL, EARLIEST)
    const live = this.#topics.length > 1 ? await this.#offsets(this.#prefix + HEARTBEAT, LATEST) : []
    this.#partitions = [
      ...starts.map((position, number) => ({ topic: this.#prefix + CONTROL, number, position })),
      ...live.map((position, number) => ({ topic: this.#prefix + HEARTBEAT, number, position }))
    ]
  }

  async #askEnds(): Promise<void> {
    const ends = await this.#offsets(this.#prefix + CONTROL, LATEST)
    this.#state.tellEnds(new Map(ends.entries()), performance.now())
  }

  async #offsets(topic: string, timestamp: bigint): Promise<bigint[]> {
    const offsets = await this.#client.listOffsets({ topics: [topic], timestamp, isolationLevel: READ_COMMITTED })
    return offsets.get(topic) ?? []
  }

  /** One fetch is under way for each broker that leads some of the partitions. */
  async #startFetching(): Promise<void> {
    const metadata = await this.#client.metadata({ topics: this.#topics })
    const led = new Map<number, Partition[]>()
    for (const partition of this.#partitions) {
      const leader = metadata.topics.get(partition.topic)?.partitions[partition.number]?.leader ?? -1
      led.set(leader, [...(led.get(leader) ?? []), partition])
    }
    for (const [leader, partitions] of led) {
      const broker = metadata.brokers.get(leader)
      if (broker === undefined) {
        this.#client.clearMetadata() // nobody leads them yet
      } else if (!this.#fetching.has(leader)) {
        const topicIds = new Map(this.#topics.map(topic => [topic, metadata.topics.get(topic)?.id ?? '']))
        const end = this.#fetch(broker, partitions, topicIds).then(
          fetched => ({ leader, fetched }),
          (error: unknown) => ({ leader, fetched: [], error })
        )
        this.#fetching.set(leader, end)
      }
    }
  }

  /** What has to be asked before a fetch. It may outlast a poll: the next one goes on waiting for it. */
  async #prepared(): Promise<true> {
    this.#preparing ??= this.#prepare().then(
      () => ({}),
      (error: unknown) => ({ error })
    )
    const { error } = await this.#preparing
    this.#preparing = null
    if (error !== undefined) {
      throw error
    }
    return true
  }

  async #prepare(): Promise<void> {
    if (this.#partitions.length === 0) {
      await this.#begin()
    }
    if (this.#state.wantsEnds) {
      await this.#askEnds()
    }
    await this.#startFetching()
  }

  /** What a fetch has brought; the others go on. */
  #take({ leader, fetched, error }: FetchEnd): FetchedPartition[] {
    this.#fetching.delete(leader)
    if (error !== undefined) {
      throw error
    }
    return fetched
  }

  async #fetch(
    broker: { host: string; port: number },
    partitions: Partition[],
    topicIds: Map<string, string>
  ): Promise<FetchedPartition[]> {
    const topics = [...topicIds].map(([topic, topicId]) => ({
      topicId,
      partitions: partitions
        .filter(partition => partition.topic === topic)
        .map(({ number, position }) => ({
          partition: number,
          currentLeaderEpoch: -1,
          fetchOffset: position,
          lastFetchedEpoch: -1,
          partitionMaxBytes: FETCH_BYTES
        }))
    }))
    const connection = await this.#connections.get(broker)
    const { responses } = await fetchV13.api.async(
      connection, FETCH_WAIT_MS, 1, FETCH_BYTES, READ_COMMITTED, 0, -1, topics.filter(it => it.partitions.length > 0), [], ''
    )
    return responses.flatMap(({ topicId, partitions: fetched }) =>
      fetched.flatMap(({ partitionIndex, records, abortedTransactions }) => {
        const partition = partitions.find(it => it.number === partitionIndex && topicIds.get(it.topic) === topicId)
        return partition === undefined ? [] : [{ partition, batches: records ?? [], aborted: abortedTransactions ?? [] }]
      })
    )
  }

  #read({ partition, batches, aborted }: FetchedPartition): Change[] {
    const { records, position } = committed(partition.position, batches, aborted)
    partition.position = position
    if (partition.topic !== this.#prefix + CONTROL) {
      records.forEach(({ value }) => this.#state.readHeartbeat(value, performance.now()))
      return []
    }
    const changes = records.map(({ offset, key, value }) => this.#state.readCommand(partition.number, offset, key, value))
    this.#state.moveTo(partition.number, position)
    return changes.filter(change => change !== null)
  }

  /** What passes by itself, such as a broker that is away or a leader that has moved, is tried again by the next poll. */
  #recover(error: unknown): void {
    if (tells(error, 'apiId', 'OFFSET_OUT_OF_RANGE')) {
      this.#partitions = [] // the topic was made anew: its commands have a higher epoch
    } else if (tells(error, 'canRetry', false) && !tells(error, 'canRetry', true)) {
      throw error
    }
    this.#client.clearMetadata()
  }
}

function tells(error: unknown, property: string, value: unknown): boolean {
  const found = (error as { findBy?: (property: string, value: unknown) => unknown }).findBy?.(property, value)
  return found !== undefined && found !== null
}
