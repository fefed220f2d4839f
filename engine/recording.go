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
	return nil
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
	t.recordings = nil
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
