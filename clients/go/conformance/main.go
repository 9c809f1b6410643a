// Plays the logs of clients/conformance through the library: prints, as JSON, what each step of each log comes to.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	control "spendgate/clients/go"
)

type conformanceLog struct {
	Policy     control.Policy `json:"policy"`
	Heartbeats bool           `json:"heartbeats"`
	Consumer   string         `json:"consumer"`
	Steps      []step         `json:"steps"`
}

type step struct {
	Now    float64           `json:"now"`
	Moment time.Time         `json:"moment"`
	Ends   map[int32]int64   `json:"ends"`
	Fails  map[string]string `json:"fails"`
	Log    []entry           `json:"log"`
	Expect struct {
		DecidedUpTo map[string]any `json:"decided_up_to"`
		Campaigns   map[string]any `json:"campaigns"`
	} `json:"expect"`
}

type entry struct {
	Partition *int32          `json:"partition"`
	Offset    int64           `json:"offset"`
	Key       *string         `json:"key"`
	KeyBase64 []byte          `json:"key_base64"`
	Value     json.RawMessage `json:"value"`
	Heartbeat json.RawMessage `json:"heartbeat"`
	Text      *string         `json:"text"`
	Base64    []byte          `json:"base64"`
	Marker    string          `json:"marker"`
	Aborted   bool            `json:"aborted"`
}

type verdict struct {
	MayRun    bool            `json:"may_run"`
	Reasons   []string        `json:"reasons"`
	ResumesAt *string         `json:"resumes_at"`
	Doubts    []control.Doubt `json:"doubts"`
	CommandID *string         `json:"command_id"`
}

type observation struct {
	CaughtUp          bool               `json:"caught_up"`
	WantsEnds         bool               `json:"wants_ends"`
	UnreadableRecords int64              `json:"unreadable_records"`
	Silent            []string           `json:"silent"`
	DecidedUpTo       map[string]*string `json:"decided_up_to"`
	Acks              []json.RawMessage  `json:"acks"`
	Campaigns         map[string]verdict `json:"campaigns"`
}

func main() {
	told := map[string][]observation{}
	for _, path := range os.Args[1:] {
		var played conformanceLog
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &played)
		}
		if err != nil {
			log.Fatal(path, ": ", err)
		}
		state := control.NewState(played.Policy, played.Heartbeats)
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, step := range played.Steps {
			told[name] = append(told[name], play(state, step, played.Consumer))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		log.Fatal(err)
	}
}

func play(state *control.State, step step, consumer string) observation {
	now := time.Unix(0, 0).Add(time.Duration(step.Now * float64(time.Second)))
	if step.Ends != nil {
		state.TellEnds(step.Ends, now)
	}
	acks := []json.RawMessage{}
	for _, entry := range step.Log {
		if change := read(state, entry, now); change != nil && !change.IsHistory {
			acks = append(acks, acknowledge(change.Command, step, consumer))
		}
	}
	seen := observation{
		CaughtUp:          state.CaughtUp(),
		WantsEnds:         state.WantsEnds(),
		UnreadableRecords: state.UnreadableRecords(),
		Silent:            []string{},
		DecidedUpTo:       map[string]*string{},
		Acks:              acks,
		Campaigns:         map[string]verdict{},
	}
	for number := range step.Expect.DecidedUpTo {
		partition, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			log.Fatal(err)
		}
		if state.IsSilent(int32(partition), now) {
			seen.Silent = append(seen.Silent, number)
		}
		moment, known := state.DecidedUpTo(int32(partition))
		seen.DecidedUpTo[number] = shown(&moment, known)
	}
	slices.Sort(seen.Silent)
	for campaignID := range step.Expect.Campaigns {
		seen.Campaigns[campaignID] = show(state.MayRun(campaignID, now))
	}
	return seen
}

// read: an aborted record is not delivered to a read_committed reader; of a marker it has the position alone.
func read(state *control.State, entry entry, now time.Time) *control.Change {
	switch {
	case entry.Partition == nil:
		state.ReadHeartbeat(entry.data(entry.Heartbeat), now)
	case entry.Marker != "":
		state.MoveTo(*entry.Partition, entry.Offset+1)
	case !entry.Aborted:
		return state.ReadCommand(*entry.Partition, entry.Offset, entry.key(), entry.data(entry.Value))
	}
	return nil
}

func (e entry) key() []byte {
	if e.Key != nil {
		return []byte(*e.Key)
	}
	return e.KeyBase64
}

// data is JSON as the log has it, or the bytes of its text or base64; null is a tombstone.
func (e entry) data(raw json.RawMessage) []byte {
	switch {
	case e.Base64 != nil:
		return e.Base64
	case e.Text != nil:
		return []byte(*e.Text)
	case string(raw) == "null":
		return nil
	}
	return raw
}

func acknowledge(command control.Command, step step, consumer string) json.RawMessage {
	outcome := control.Applied
	detail, failed := step.Fails[command.CommandID]
	if failed {
		outcome = control.Failed
	}
	return control.Acknowledgement(command, consumer, step.Moment, outcome, detail)
}

func show(told control.Verdict) verdict {
	seen := verdict{MayRun: told.MayRun, Reasons: told.Reasons, Doubts: told.Doubts}
	seen.ResumesAt = shown(told.ResumesAt, told.ResumesAt != nil)
	if told.Reasons == nil {
		seen.Reasons = []string{}
	}
	if told.Command != nil {
		seen.CommandID = &told.Command.CommandID
	}
	return seen
}

func shown(moment *time.Time, known bool) *string {
	if !known {
		return nil
	}
	text := control.ShowMoment(*moment)
	return &text
}
