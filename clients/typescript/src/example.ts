/** Follows the commands, carries them out (here: prints them) and acknowledges them. Arguments: BROKERS [TOPIC_PREFIX]. */

import { ControlReader } from './index.js'
import type { Verdict } from './index.js'

const [, , brokers = 'localhost:9092', topicPrefix = ''] = process.argv
const shown = new Map<string, string>()

function show(campaignId: string, { mayRun, reasons, doubts }: Verdict): void {
  const line = `${mayRun ? 'runs' : 'stops'} reasons=[${reasons.join(', ')}] doubts=[${doubts.join(', ')}]`
  if (line !== shown.get(campaignId)) {
    console.log(campaignId, line)
    shown.set(campaignId, line)
  }
}

const reader = await ControlReader.open({
  brokers: brokers.split(','),
  consumer: 'example-typescript',
  policy: 'closed',
  topicPrefix
})
await reader.catchUp(30_000)
console.log('caught up')
while (true) {
  reader.campaigns().forEach(campaignId => show(campaignId, reader.mayRun(campaignId)))
  for (const { command, isHistory } of await reader.poll(500)) {
    show(command.campaignId, reader.mayRun(command.campaignId))
    if (!isHistory) {
      reader.acknowledge(command)
    }
  }
}
