package engine

import (
	"errors"

	"github.com/flowrun/flowrun/device"
)

// tape is a recorded step: its commands, and the work for which they were recorded.
type tape struct {
	commands []device.Command
	plays    []play  // what is run: the commands, or captures of them
	nodes    []int32 // whose commands those are; the commits follow
	marked   []bool  // by position in nodes: whether the node was stale
	due      []int32 // the states that were due, in order
	commits  []int32 // those of them that were committed
	copied   []int32 // those of them that a command copies home
	write    int     // the first command that writes a home
	stats    Stats   // what one run counts

	tried    bool             // whether devices have been asked to capture it
	captures []device.Capture // among the plays, and burst
	burst    device.Capture   // several of these steps as one; nil if there is none
}

// finish gives a tape its commands: those of its nodes, and copies that commit.
func (t *tape) finish(c *commands, copies []device.Command) {
	t.write = -1
	for i, n := range t.nodes {
		if t.write < 0 && c.isInPlace(n) {
			t.write = i
		}
		t.commands = append(t.commands, c.byNode[n])
	}
	if t.write < 0 {
		t.write = len(t.nodes)
	}
	t.commands = append(t.commands, copies...)
	t.plays = oneByOne(t.commands)
}

// play is a command of a tape, or a capture of several.
type play struct {
	command device.Command
	first   int // the number of its first command
}

// oneByOne makes a play of each command.
func oneByOne(commands []device.Command) []play {
	plays := make([]play, len(commands))
	for i, c := range commands {
		plays[i] = play{c, i}
	}
	return plays
}

// free gives a tape's captures back.
func (t *tape) free() {
	for _, r := range t.captures {
		r.Free()
	}
	t.captures, t.burst = nil, nil
}

// capture lets devices that can capture consecutive commands of a tape that will be
// replayed many times and, with bursts, several steps of it. Commands that can't be
// captured are run one by one as before, with the same results. Only a failure of
// earlier work that is detected here is an error.
func (t *tape) capture(devices []device.Device, bursts bool) error {
	if t.tried {
		return nil
	}
	t.tried = true
	var plays []play
	for at := 0; at < len(t.commands); {
		capturer := capturerOf(devices, t.commands[at])
		end := at + 1
		for capturer != nil && end < len(t.commands) && capturer.Captures(t.commands[end]) {
			end++
		}
		if end-at > 1 {
			r, err := capturer.Capture(t.commands[at:end])
			if late := new(device.Late); errors.As(err, &late) {
				t.plays = oneByOne(t.commands)
				t.free()
				return err
			}
			if err == nil {
				t.captures = append(t.captures, r)
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
	if bursts && len(plays) == 1 && len(t.captures) == 1 && burstSteps*len(t.commands) <= burstCommands {
		return t.captureBurst(devices)
	}
	return nil
}

// A burst is a capture of several steps. It costs one launch instead of several and,
// if the steps' memory allows it, a step begins before the previous one has ended.
// It is for plans that run ahead, and for steps so small that launches matter.
const (
	burstSteps    = 8
	burstCommands = 1024
)

// captureBurst captures several steps of a tape that is one capture.
func (t *tape) captureBurst(devices []device.Device) error {
	var commands []device.Command
	for range burstSteps {
		commands = append(commands, t.commands...)
	}
	r, err := capturerOf(devices, t.commands[0]).Capture(commands)
	if late := new(device.Late); errors.As(err, &late) {
		return err
	}
	if err == nil {
		t.captures = append(t.captures, r)
		t.burst = r
	}
	return nil
}

// capturerOf is the device that can capture a command; nil if none can.
func capturerOf(devices []device.Device, c device.Command) device.Capturer {
	for _, d := range devices {
		if r, ok := d.(device.Capturer); ok && r.Captures(c) {
			return r
		}
	}
	return nil
}
