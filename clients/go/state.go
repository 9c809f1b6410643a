// Package control tells which campaigns may run, as Spendgate says on its topics campaign-control and
// control-heartbeat: State is the pure fold, Reader follows the topics with franz-go and feeds it.
package control

import (
	"maps"
	"slices"
	"time"
)

// Silence: after so long without a heartbeat whose commands were read, nobody is known to decide on a partition's brands.
const Silence = 5 * time.Second

// Policy is what a campaign does while there is a doubt.
type Policy string

const (
	// Open: go on as last told; a campaign of which nothing was told runs.
	Open Policy = "open"
	// Closed: stop.
	Closed Policy = "closed"
)

// Doubt is why the last command that was read may not be the last word.
type Doubt string

const (
	CatchingUp      Doubt = "catching_up"
	UnknownCampaign Doubt = "unknown_campaign"
	// Unreadable: a record with the campaign's key could not be read, and nothing after it has made up for it.
	Unreadable Doubt = "unreadable"
	// Silent: nobody has decided on the brand for Silence, or ever since the reader started; or what was decided lies for
	// so long behind another transaction that is open, where no reader gets it.
	Silent Doubt = "silent"
)

// Verdict tells whether a campaign may run, and why. Without doubts, MayRun is what Command says.
type Verdict struct {
	MayRun  bool
	Reasons []string
	// ResumesAt is nil when time alone does not help, or nothing is known.
	ResumesAt *time.Time
	Doubts    []Doubt
	// Command is nil when the campaign is unknown.
	Command *Command
}

// Change is a command that was applied: it is higher than the one held before.
type Change struct {
	Command Command
	// IsHistory: it was on the topic before the reader started, so that nobody can tell when it was applied first.
	IsHistory bool
}

// State is the last command of every campaign: no I/O, no clock. Not for several goroutines at once; the times that it
// is given never run back.
type State struct {
	policy            Policy
	heartbeats        bool
	commands          map[string]Command
	doubtful          map[string]bool
	positions         map[int32]int64
	historyEnds       map[int32]int64
	ends              map[int32]int64
	endsToldAt        time.Time
	ahead             map[int32][]arrivedHeartbeat // the commands were not read yet; the oldest and the newest
	heardAt           map[int32]time.Time
	decidedUpTo       map[int32]time.Time
	unreadableRecords int64
	lastError         error
}

// arrivedHeartbeat is a heartbeat and when it came.
type arrivedHeartbeat struct {
	Heartbeat
	at time.Time
}

// NewState begins empty. Without heartbeats (for a Spendgate that writes none) nothing is ever silent.
func NewState(policy Policy, heartbeats bool) *State {
	return &State{
		policy:      policy,
		heartbeats:  heartbeats,
		commands:    map[string]Command{},
		doubtful:    map[string]bool{},
		positions:   map[int32]int64{},
		ahead:       map[int32][]arrivedHeartbeat{},
		heardAt:     map[int32]time.Time{},
		decidedUpTo: map[int32]time.Time{},
	}
}

// ReadCommand applies a record of campaign-control and returns the change it made, or nil. A tombstone (a nil value)
// makes a campaign unknown.
func (s *State) ReadCommand(partition int32, offset int64, key, value []byte) *Change {
	s.MoveTo(partition, offset+1)
	if value == nil {
		delete(s.commands, string(key))
		delete(s.doubtful, string(key))
		return nil
	}
	command, err := ParseCommand(key, value)
	if err != nil {
		s.noteUnreadable(err)
		if idPattern.Match(key) {
			s.doubtful[string(key)] = true
		}
		return nil
	}
	order := 1
	if held, known := s.commands[command.CampaignID]; known {
		order = command.Compare(held)
	}
	if order >= 0 {
		delete(s.doubtful, command.CampaignID)
	}
	if order <= 0 {
		return nil
	}
	s.commands[command.CampaignID] = command
	end, told := s.historyEnds[partition]
	return &Change{command, !told || offset < end}
}

// ReadHeartbeat takes a heartbeat that was written while the reader was reading: one from before tells nothing of now. It
// counts from its coming, but not before every command that it speaks of was read.
func (s *State) ReadHeartbeat(value []byte, now time.Time) {
	if value == nil {
		return
	}
	heartbeat, err := ParseHeartbeat(value)
	if err != nil {
		s.noteUnreadable(err)
		return
	}
	since := s.endsToldAt
	if heard := s.heardAt[heartbeat.Partition]; heard.After(since) {
		since = heard
	}
	if now.Sub(since) > Silence {
		s.ends = nil // what was decided meanwhile may still have to be read
	}
	ahead := s.ahead[heartbeat.Partition]
	s.ahead[heartbeat.Partition] = append(ahead[:min(len(ahead), 1)], arrivedHeartbeat{heartbeat, now})
	s.countHeartbeats()
}

// MoveTo: the reader will read this position next. It may lie behind records that readers do not see.
func (s *State) MoveTo(partition int32, position int64) {
	s.positions[partition] = position
	s.countHeartbeats()
}

// TellEnds takes the end offsets of all partitions of campaign-control, as a read_committed reader is told them.
func (s *State) TellEnds(ends map[int32]int64, now time.Time) {
	if s.historyEnds == nil {
		s.historyEnds = maps.Clone(ends)
	}
	s.ends = maps.Clone(ends)
	s.endsToldAt = now
}

// WantsEnds: the reader has to ask for the end offsets, at its start and after a silence.
func (s *State) WantsEnds() bool { return len(s.ends) == 0 }

// Behind is how many offsets are left to read, of each partition that has some.
func (s *State) Behind() map[int32]int64 {
	lags := map[int32]int64{}
	for partition, end := range s.ends {
		if lag := end - s.positions[partition]; lag > 0 {
			lags[partition] = lag
		}
	}
	return lags
}

// CaughtUp: all was read that was on the topic when the end offsets were asked for.
func (s *State) CaughtUp() bool {
	if s.WantsEnds() {
		return false
	}
	for partition, end := range s.ends {
		if s.positions[partition] < end {
			return false
		}
	}
	return true
}

// MayRun tells whether a campaign may run now.
func (s *State) MayRun(campaignID string, now time.Time) Verdict {
	command, known := s.commands[campaignID]
	verdict := Verdict{MayRun: s.policy == Open, Doubts: s.doubts(campaignID, now)}
	if known {
		verdict.MayRun, verdict.Reasons = command.MayRun(), command.Reasons
		verdict.ResumesAt, verdict.Command = command.ResumesAt, &command
	}
	if len(verdict.Doubts) > 0 && s.policy != Open {
		verdict.MayRun = false
	}
	return verdict
}

// IsSilent tells whether nobody is known to decide on the brands of a partition.
func (s *State) IsSilent(partition int32, now time.Time) bool {
	heard, known := s.heardAt[partition]
	return s.heartbeats && (!known || now.Sub(heard) > Silence)
}

// DecidedUpTo: every command of what arrived before was read; false until a heartbeat came and its commands were read.
func (s *State) DecidedUpTo(partition int32) (time.Time, bool) {
	moment, known := s.decidedUpTo[partition]
	return moment, known
}

// Campaigns are the ids of all campaigns of which a command is held, sorted.
func (s *State) Campaigns() []string { return slices.Sorted(maps.Keys(s.commands)) }

// UnreadableRecords counts them, of both topics.
func (s *State) UnreadableRecords() int64 { return s.unreadableRecords }

// LastError is what was wrong with the last record that could not be read, or nil.
func (s *State) LastError() error { return s.lastError }

// countHeartbeats counts the newest of each partition whose commands were read meanwhile; those before it are of no more
// use.
func (s *State) countHeartbeats() {
	for partition, ahead := range s.ahead {
		for last := len(ahead) - 1; last >= 0; last-- {
			if newest := ahead[last]; s.hasRead(newest.ControlOffsets) {
				s.heardAt[partition], s.decidedUpTo[partition] = newest.at, newest.DecidedUpTo
				ahead = ahead[last+1:]
				break
			}
		}
		if s.ahead[partition] = ahead; len(ahead) == 0 {
			delete(s.ahead, partition)
		}
	}
}

func (s *State) hasRead(offsets []int64) bool {
	for partition, offset := range offsets {
		if s.positions[int32(partition)] < offset {
			return false
		}
	}
	return true
}

func (s *State) doubts(campaignID string, now time.Time) []Doubt {
	command, known := s.commands[campaignID]
	doubts := []Doubt{}
	if !s.CaughtUp() {
		doubts = append(doubts, CatchingUp)
	}
	if !known {
		doubts = append(doubts, UnknownCampaign)
	}
	if s.doubtful[campaignID] {
		doubts = append(doubts, Unreadable)
	}
	if known && s.IsSilent(command.BrandPartition, now) {
		doubts = append(doubts, Silent)
	}
	return doubts
}

func (s *State) noteUnreadable(err error) {
	s.unreadableRecords++
	s.lastError = err
}
