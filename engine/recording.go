package engine

import (
	"errors"

	"github.com/flowrun/flowrun/device"
)

// play is a part of a tape that runs as one: a command, or a device's recording
// of several that follow each other.
type play struct {
	command device.Command
	first   int // the number of its first command
}

// oneByOne plays each command by itself.
func oneByOne(commands []device.Command) []play {
	plays := make([]play, len(commands))
	for i, c := range commands {
		plays[i] = play{c, i}
	}
	return plays
}

// recordOnDevices makes recordings of a tape that will be replayed many times,
// wherever several commands that follow each other are on one device that can.
// Where one can't be made, its commands are played as before: that gives the same
// values. Only what failed earlier, and is found out here, is an error.
func (s *Session) recordOnDevices(t *tape) error {
	if t.tried {
		return nil
	}
	t.tried = true
	var plays []play
	for at := 0; at < len(t.commands); {
		recorder := s.recorder(t.commands[at])
		end := at + 1
		for recorder != nil && end < len(t.commands) && recorder.Records(t.commands[end]) {
			end++
		}
		if end-at > 1 {
			r, err := recorder.Record(t.commands[at:end])
			if late := new(device.Late); errors.As(err, &late) {
				t.plays = oneByOne(t.commands)
				t.free()
				return s.blame(err)
			}
			if err == nil {
				t.recordings = append(t.recordings, r)
				plays = append(plays, play{r, at})
				at = end
				continue
			}
		}
		for ; at < end; at++ {
			plays = append(plays, play{t.commands[at], at})
		}
	}
	t.plays = plays
	return s.recordBurst(t)
}

// A burst is a recording of several steps. It costs the host and the device one
// start instead of several, and where the steps' memory allows it, a step begins
// while the one before it ends. It is for plans that run ahead, and for steps so
// small that their start counts.
const (
	burstSteps    = 8
	burstCommands = 1024
)

// recordBurst records several steps of a tape, all of whose commands are in one
// recording.
func (s *Session) recordBurst(t *tape) error {
	if !s.plan.RunsAhead || len(t.plays) != 1 || len(t.recordings) != 1 || burstSteps*len(t.commands) > burstCommands {
		return nil
	}
	var commands []device.Command
	for range burstSteps {
		commands = append(commands, t.commands...)
	}
	r, err := s.recorder(t.commands[0]).Record(commands)
	if late := new(device.Late); errors.As(err, &late) {
		return s.blame(err)
	}
	if err == nil {
		t.recordings = append(t.recordings, r)
		t.burst = r
	}
	return nil
}

// steps runs one step, or several of at most n where they are recorded together. It
// gives how many have been taken.
func (s *Session) steps(n int64) (int64, error) {
	t := s.steady
	if t == nil || t.burst == nil || n < burstSteps {
		if err := s.step(); err != nil {
			return 0, err
		}
		return 1, nil
	}
	if err := t.burst.Run(); err != nil { // then no step has been taken
		s.catchUp()
		s.demand++
		return 0, s.replayFailed(t, 0, err)
	}
	s.behind += burstSteps
	return burstSteps, nil
}

// recorder is the device that can record a command; nil if none can.
func (s *Session) recorder(c device.Command) device.Recorder {
	for _, d := range s.devices {
		if r, ok := d.(device.Recorder); ok && r.Records(c) {
			return r
		}
	}
	return nil
}

// free gives a tape's recordings back.
func (t *tape) free() {
	for _, r := range t.recordings {
		r.Free()
	}
	t.recordings, t.burst = nil, nil
}

// freeTapes gives the recordings of all tapes back, and drops the tapes.
func (s *Session) freeTapes() {
	for _, tapes := range s.tapes {
		for _, t := range tapes {
			t.free()
		}
	}
	clear(s.tapes)
}
