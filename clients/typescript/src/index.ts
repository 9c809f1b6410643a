/** Which campaigns may run, as Spendgate tells on its topics campaign-control and control-heartbeat. */

export { ControlReader } from './reader.js'
export type { ReaderOptions } from './reader.js'
export { acknowledgement, parseCommand, parseHeartbeat, showMoment, UnreadableRecordError } from './records.js'
export type { Action, Command, Heartbeat, Outcome } from './records.js'
export { ControlState, SILENCE_MS } from './state.js'
export type { Change, Doubt, Policy, Verdict } from './state.js'
