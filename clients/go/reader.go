package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	controlTopic   = "campaign-control"
	heartbeatTopic = "control-heartbeat"
	acksTopic      = "control-acks"

	endsTimeout  = 2 * time.Second
	closeTimeout = 5 * time.Second
)

// Options are what a Reader is told once.
type Options struct {
	Brokers []string
	// Consumer names you in acknowledgements: 1-64 of A-Z a-z 0-9 . _ : -
	Consumer    string
	Policy      Policy
	TopicPrefix string
	// NoHeartbeats is for a Spendgate that writes none: then nothing is ever silent.
	NoHeartbeats bool
	// Client is what franz-go needs besides, such as TLS and SASL.
	Client []kgo.Opt
}

// Reader keeps every campaign's last command: follows the topics with franz-go, feeds the fold and sends
// acknowledgements. All thinking is in State. One goroutine polls; any may ask MayRun.
type Reader struct {
	options    Options
	client     *kgo.Client
	admin      *kadm.Client
	mutex      sync.Mutex
	state      *State
	failedAcks atomic.Int64
}

// NewReader fails when the broker does not answer or a topic is missing.
func NewReader(ctx context.Context, options Options) (*Reader, error) {
	if !idPattern.MatchString(options.Consumer) {
		return nil, fmt.Errorf("consumer %q: 1-64 of A-Z a-z 0-9 . _ : -", options.Consumer)
	}
	client, err := kgo.NewClient(append(options.Client,
		kgo.SeedBrokers(options.Brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the position behind a trailing transaction marker
	)...)
	if err != nil {
		return nil, err
	}
	reader := &Reader{
		options: options,
		client:  client,
		admin:   kadm.NewClient(client),
		state:   NewState(options.Policy, !options.NoHeartbeats),
	}
	if err := reader.begin(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return reader, nil
}

// Close sends what is left of the acknowledgements, and leaves.
func (r *Reader) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = r.client.Flush(ctx) // what could not be sent is counted by its own promise
	r.client.Close()
}

// CatchUp reads all that is on the topic, until the context is done.
func (r *Reader) CatchUp(ctx context.Context) ([]Change, error) {
	var changes []Change
	for !r.CaughtUp() {
		made, err := r.Poll(ctx, time.Second)
		changes = append(changes, made...)
		if err != nil {
			return changes, fmt.Errorf("%s was not read to its end; offsets still to read, by partition: %v: %w",
				r.options.TopicPrefix+controlTopic, r.behind(), err)
		}
	}
	return changes, nil
}

// Poll reads what has come, waiting up to so long for it, and returns the commands to carry out, in their order.
func (r *Reader) Poll(ctx context.Context, wait time.Duration) ([]Change, error) {
	if r.wantsEnds() {
		if err := r.askEnds(ctx); err != nil {
			return nil, err
		}
	}
	polling, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fetches := r.client.PollFetches(polling)
	now := time.Now()
	var changes []Change
	r.mutex.Lock()
	fetches.EachRecord(func(record *kgo.Record) {
		if change := r.read(record, now); change != nil {
			changes = append(changes, *change)
		}
	})
	r.mutex.Unlock()
	for _, fetchError := range fetches.Errors() {
		if !errors.Is(fetchError.Err, context.DeadlineExceeded) {
			return changes, fetchError.Err
		}
	}
	return changes, ctx.Err()
}

// MayRun tells whether a campaign may run now.
func (r *Reader) MayRun(campaignID string) Verdict {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.MayRun(campaignID, time.Now())
}

// Campaigns are the ids of all campaigns of which a command is held, sorted.
func (r *Reader) Campaigns() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.Campaigns()
}

// CaughtUp: all was read that was on the topic when the end offsets were asked for.
func (r *Reader) CaughtUp() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.CaughtUp()
}

// UnreadableRecords counts them, of both topics.
func (r *Reader) UnreadableRecords() int64 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.UnreadableRecords()
}

// FailedAcknowledgements counts those that the broker did not take.
func (r *Reader) FailedAcknowledgements() int64 { return r.failedAcks.Load() }

// Acknowledge tells Spendgate that the command was carried out. Sent in the background; losing one is no harm.
func (r *Reader) Acknowledge(command Command) { r.AcknowledgeAs(command, Applied, "", time.Now()) }

// AcknowledgeAs tells Spendgate what became of the command; the detail says, for people, why it failed.
func (r *Reader) AcknowledgeAs(command Command, outcome Outcome, detail string, appliedAt time.Time) {
	record := &kgo.Record{
		Topic: r.options.TopicPrefix + acksTopic,
		Key:   []byte(command.CampaignID),
		Value: Acknowledgement(command, r.options.Consumer, appliedAt, outcome, detail),
	}
	r.client.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
		if err != nil {
			r.failedAcks.Add(1)
		}
	})
}

func (r *Reader) begin(ctx context.Context) error {
	starts := map[string]kgo.Offset{controlTopic: kgo.NewOffset().AtStart()}
	if !r.options.NoHeartbeats {
		starts[heartbeatTopic] = kgo.NewOffset().AtEnd()
	}
	consumed := map[string]map[int32]kgo.Offset{}
	for name, start := range starts {
		topic := r.options.TopicPrefix + name
		found, err := r.admin.ListTopics(ctx, topic)
		if err == nil {
			err = found[topic].Err
		}
		if err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
		consumed[topic] = map[int32]kgo.Offset{}
		for partition := range found[topic].Partitions {
			consumed[topic][partition] = start
		}
	}
	r.client.AddConsumePartitions(consumed)
	return nil
}

// askEnds leaves an error that passes by itself to the next poll. It asks for the starts too: of a partition whose
// records were all deleted franz-go brings nothing that tells the position.
func (r *Reader) askEnds(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, endsTimeout)
	defer cancel()
	starts, err := r.offsets(asking, r.admin.ListStartOffsets)
	var ends map[int32]int64
	if err == nil {
		ends, err = r.offsets(asking, r.admin.ListCommittedOffsets)
	}
	if err != nil {
		var answered *kerr.Error
		if errors.As(err, &answered) && !answered.Retriable {
			return err
		}
		return ctx.Err()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for partition, start := range starts {
		r.state.MoveTo(partition, max(start, r.state.positions[partition]))
	}
	r.state.TellEnds(ends, time.Now())
	return nil
}

type listOffsets func(context.Context, ...string) (kadm.ListedOffsets, error)

// offsets are those of campaign-control, by partition.
func (r *Reader) offsets(ctx context.Context, list listOffsets) (map[int32]int64, error) {
	topic := r.options.TopicPrefix + controlTopic
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	offsets := map[int32]int64{}
	for partition, offset := range listed[topic] {
		offsets[partition] = offset.Offset
	}
	return offsets, err
}

func (r *Reader) read(record *kgo.Record, now time.Time) *Change {
	isControl := record.Topic == r.options.TopicPrefix+controlTopic
	switch {
	case record.Attrs.IsControl() && isControl:
		r.state.MoveTo(record.Partition, record.Offset+1)
	case record.Attrs.IsControl():
	case isControl:
		return r.state.ReadCommand(record.Partition, record.Offset, record.Key, record.Value)
	default:
		r.state.ReadHeartbeat(record.Value, now)
	}
	return nil
}

func (r *Reader) wantsEnds() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.WantsEnds()
}

func (r *Reader) behind() map[int32]int64 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.state.Behind()
}
