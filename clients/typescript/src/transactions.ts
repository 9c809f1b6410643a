/** What a read_committed reader is given of a fetched partition. Pure. */

const CONTROL = 0b100000
const TRANSACTIONAL = 0b10000
const ABORT = 0

export interface Fetched {
  key: Uint8Array | null
  value: Uint8Array | null
  offsetDelta: number
}

export interface FetchedBatch {
  firstOffset: bigint
  lastOffsetDelta: number
  attributes: number
  producerId: bigint
  records: Fetched[]
}

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: bigint
}

export interface Delivered {
  offset: bigint
  key: Uint8Array | null
  value: Uint8Array | null
}

/**
 * The records from `position` on that no aborted transaction holds, and the position behind all that was fetched,
 * transaction markers too. A producer's transaction is aborted from its first offset to its next abort marker.
 */
export function committed(
  position: bigint,
  batches: readonly FetchedBatch[],
  abortedTransactions: readonly AbortedTransaction[]
): { records: Delivered[]; position: bigint } {
  const waiting = [...abortedTransactions].sort((one, other) => (one.firstOffset < other.firstOffset ? -1 : 1))
  const aborting = new Set<bigint>()
  const records: Delivered[] = []
  let end = position
  for (const batch of batches) {
    const lastOffset = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    while (waiting[0] !== undefined && waiting[0].firstOffset <= lastOffset) {
      aborting.add(waiting[0].producerId)
      waiting.shift()
    }
    if (batch.attributes & CONTROL) {
      if (isAbort(batch)) {
        aborting.delete(batch.producerId)
      }
    } else if (!(batch.attributes & TRANSACTIONAL && aborting.has(batch.producerId))) {
      records.push(...recordsOf(batch))
    }
    end = lastOffset + 1n > end ? lastOffset + 1n : end
  }
  // A fetch begins with the whole batch that holds its offset.
  return { records: records.filter(record => record.offset >= position), position: end }
}

function recordsOf(batch: FetchedBatch): Delivered[] {
  return batch.records.map(({ key, value, offsetDelta }) => ({ offset: batch.firstOffset + BigInt(offsetDelta), key, value }))
}

function isAbort(batch: FetchedBatch): boolean {
  const key = batch.records[0]?.key
  return key != null && new DataView(key.buffer, key.byteOffset, key.byteLength).getInt16(2) === ABORT
}
