package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	schema = 1
	// Every language counts exactly up to here, also those whose only number is the double.
	largestInteger = 1<<53 - 1
)

var (
	idPattern     = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
	momentPattern = regexp.MustCompile(
		`^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?Z$`)
)

// Action is what a command tells a campaign to do.
type Action string

const (
	Pause  Action = "pause"
	Resume Action = "resume"
)

// Outcome is what became of a command.
type Outcome string

const (
	Applied Outcome = "applied"
	Failed  Outcome = "failed"
)

// Command is a command of campaign-control: what a consumer needs of it. Moments are in UTC.
type Command struct {
	CommandID  string
	Action     Action
	CampaignID string
	// ExternalID is the id of the campaign on its platform, nil where the catalog has none.
	ExternalID *string
	BrandID    string
	Epoch      int64
	Sequence   int64
	// Reasons says why it is paused, sorted; empty for a resume. New reasons may come: show them as they are.
	Reasons   []string
	DecidedAt time.Time
	// ResumesAt is for people, or nil. Machines wait for the command.
	ResumesAt *time.Time
	// BrandPartition is the partition whose worker decides on the brand, as control-heartbeat counts them.
	BrandPartition int32
}

// MayRun tells what the command says.
func (c Command) MayRun() bool { return c.Action == Resume }

// Compare is below 0, 0 or above 0: only a higher (epoch, sequence) is applied.
func (c Command) Compare(other Command) int {
	switch {
	case c.Epoch != other.Epoch:
		return sign(c.Epoch - other.Epoch)
	default:
		return sign(c.Sequence - other.Sequence)
	}
}

// Heartbeat: a worker decides on this partition. Commands of all that arrived before DecidedUpTo are on campaign-control
// below ControlOffsets, by partition of that topic; a worker of an older release says none.
type Heartbeat struct {
	Partition      int32
	DecidedUpTo    time.Time
	ControlOffsets []int64
}

// ErrUnreadable: not what docs/contract.md, "Topics", describes. The message names the field; the next record is read.
var ErrUnreadable = errors.New("unreadable record")

// ParseCommand reads a record of campaign-control. Its errors are ErrUnreadable.
func ParseCommand(key, value []byte) (Command, error) {
	fields, err := parseFields(value)
	if err != nil {
		return Command{}, err
	}
	if number, err := fields.integer("schema", schema); err != nil || number != schema {
		return Command{}, unreadable("schema is not %d: this library is too old for it", schema)
	}
	command, err := fields.command()
	if err != nil {
		return Command{}, err
	}
	switch {
	case command.CommandID != fmt.Sprintf("%s:%d:%d", command.CampaignID, command.Epoch, command.Sequence):
		return Command{}, unreadable("command_id is not campaign_id:epoch:sequence")
	case string(key) != command.CampaignID:
		return Command{}, unreadable("the record's key is not its campaign_id")
	case command.MayRun() != (len(command.Reasons) == 0):
		return Command{}, unreadable("reasons do not fit the action: a pause has some, a resume none")
	}
	return command, nil
}

// ParseHeartbeat reads a record of control-heartbeat. Its errors are ErrUnreadable.
func ParseHeartbeat(value []byte) (Heartbeat, error) {
	fields, err := parseFields(value)
	if err != nil {
		return Heartbeat{}, err
	}
	var read reading
	return Heartbeat{
		Partition:      get(&read, fields.integer32, "partition"),
		DecidedUpTo:    get(&read, fields.moment, "decided_up_to"),
		ControlOffsets: get(&read, fields.offsets, "control_offsets"),
	}, read.err
}

// Acknowledgement is the value of a record of control-acks; its key is the campaign's id. The detail says, for people,
// why it failed; "" is none.
func Acknowledgement(command Command, consumer string, appliedAt time.Time, outcome Outcome, detail string) []byte {
	var told *string
	if detail != "" {
		told = &detail
	}
	value, err := json.Marshal(struct {
		CommandID  string  `json:"command_id"`
		CampaignID string  `json:"campaign_id"`
		AppliedAt  string  `json:"applied_at"`
		Consumer   string  `json:"consumer"`
		Outcome    Outcome `json:"outcome"`
		Detail     *string `json:"detail"`
	}{command.CommandID, command.CampaignID, ShowMoment(appliedAt), consumer, outcome, told})
	if err != nil {
		panic(err) // strings alone
	}
	return value
}

// ShowMoment writes RFC 3339 in UTC with three fraction digits, or none on a whole second.
func ShowMoment(moment time.Time) string {
	moment = moment.UTC().Truncate(time.Millisecond)
	if moment.Nanosecond() == 0 {
		return moment.Format("2006-01-02T15:04:05Z")
	}
	return moment.Format("2006-01-02T15:04:05.000Z")
}

// fields is a JSON object; of a name that comes twice the last one counts. Names are matched by their case.
type fields map[string]json.RawMessage

func parseFields(value []byte) (fields, error) {
	var parsed fields
	if !utf8.Valid(value) || !json.Valid(value) {
		return nil, unreadable("not JSON in UTF-8")
	}
	if err := json.Unmarshal(value, &parsed); err != nil || parsed == nil {
		return nil, unreadable("not a JSON object")
	}
	return parsed, nil
}

func (f fields) command() (Command, error) {
	var read reading
	return Command{
		CommandID:      get(&read, f.text, "command_id"),
		Action:         get(&read, f.action, "action"),
		CampaignID:     get(&read, f.id, "campaign_id"),
		ExternalID:     getOptional(&read, f, f.text, "external_id"),
		BrandID:        get(&read, f.id, "brand_id"),
		Epoch:          get(&read, f.counted, "epoch"),
		Sequence:       get(&read, f.counted, "sequence"),
		Reasons:        get(&read, f.texts, "reasons"),
		DecidedAt:      get(&read, f.moment, "decided_at"),
		ResumesAt:      getOptional(&read, f, f.moment, "resumes_at"),
		BrandPartition: get(&read, f.partitionIn, "cause"),
	}, read.err
}

// reading keeps the first error of several fields.
type reading struct{ err error }

func get[T any](read *reading, field func(string) (T, error), name string) T {
	value, err := field(name)
	if read.err == nil {
		read.err = err
	}
	return value
}

func getOptional[T any](read *reading, f fields, field func(string) (T, error), name string) *T {
	if raw, given := f[name]; !given || string(raw) == "null" {
		return nil
	}
	value := get(read, field, name)
	return &value
}

func (f fields) text(name string) (string, error) {
	var value *string
	if json.Unmarshal(f[name], &value) != nil || value == nil {
		return "", unreadable("%s is not a string", name)
	}
	return *value, nil
}

func (f fields) id(name string) (string, error) {
	value, err := f.text(name)
	if err == nil && !idPattern.MatchString(value) {
		err = unreadable("%s is not an id", name)
	}
	return value, err
}

func (f fields) action(name string) (Action, error) {
	value, err := f.text(name)
	if err == nil && Action(value) != Pause && Action(value) != Resume {
		err = unreadable("%s is neither pause nor resume", name)
	}
	return Action(value), err
}

func (f fields) texts(name string) ([]string, error) {
	var raw []*string
	if json.Unmarshal(f[name], &raw) != nil || raw == nil {
		return nil, unreadable("%s is not a list of strings", name)
	}
	values := make([]string, len(raw))
	for number, value := range raw {
		if value == nil {
			return nil, unreadable("%s is not a list of strings", name)
		}
		values[number] = *value
	}
	return values, nil
}

func (f fields) counted(name string) (int64, error) { return f.integer(name, 1) }

func (f fields) integer(name string, least float64) (int64, error) {
	raw := f[name]
	value := math.NaN()
	if len(raw) > 0 && bytes.IndexByte([]byte("-0123456789"), raw[0]) >= 0 {
		value, _ = strconv.ParseFloat(string(raw), 64)
	}
	if !(value >= least && value <= largestInteger) || value != math.Trunc(value) {
		return 0, unreadable("%s is not an integer from %v to %d", name, least, int64(largestInteger))
	}
	return int64(value), nil
}

func (f fields) integer32(name string) (int32, error) {
	value, err := f.integer(name, 0)
	if err == nil && value > math.MaxInt32 {
		err = unreadable("%s is out of range", name)
	}
	return int32(value), err
}

// offsets are none where the field is not given.
func (f fields) offsets(name string) ([]int64, error) {
	var raw []json.RawMessage
	if given, is := f[name]; is && json.Unmarshal(given, &raw) != nil {
		return nil, unreadable("%s is not a list of integers", name)
	}
	values := make([]int64, len(raw))
	for number, value := range raw {
		var err error
		if values[number], err = (fields{name: value}).integer(name, 0); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (f fields) partitionIn(name string) (int32, error) {
	inner, err := parseFields(f[name])
	if err != nil {
		return 0, unreadable("%s is not an object", name)
	}
	return inner.integer32("partition")
}

func (f fields) moment(name string) (time.Time, error) {
	value, err := f.text(name)
	if err != nil {
		return time.Time{}, err
	}
	moment, err := time.Parse(time.RFC3339, value)
	if err != nil || !momentPattern.MatchString(value) {
		return time.Time{}, unreadable("%s is not a moment such as 2025-09-08T09:00:00.125Z", name)
	}
	return moment.UTC(), nil
}

func unreadable(format string, values ...any) error {
	return fmt.Errorf("%w: %s", ErrUnreadable, fmt.Sprintf(format, values...))
}

func sign(difference int64) int {
	switch {
	case difference < 0:
		return -1
	case difference > 0:
		return 1
	}
	return 0
}
