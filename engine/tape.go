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

// free gives a tape's captures back; its commands are run one by one again.
func (t *tape) free() {
	for _, r := range t.captures {
		r.Free()
	}
	t.plays, t.captures, t.burst = oneByOne(t.commands), nil, nil
}

// capture lets devices that can capture consecutive commands of a tape that will be
// replayed many times and, with bursts, several steps of it. Scans are written out, unless
// they are long. Commands that can't be captured are run one by one as before, with the same results. Only a failure of
// earlier work that is detected here is an error.
func (t *tape) capture(devices []device.Device, bursts bool) error {
	if t.tried {
		return nil
	}
	t.tried = true
	flat := flatten(t.plays, mostWrittenOut)
	plays, made, err := captureRuns(devices, flat)
	t.captures = append(t.captures, made...)
	if err != nil {
		t.free()
		return err
	}
	t.plays = plays
	if bursts && len(plays) == 1 && len(t.captures) == 1 && burstSteps*len(flat) <= burstCommands {
		return t.captureBurst(devices, flat)
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

// captureBurst captures several steps of a tape that is one capture, of these plays.
func (t *tape) captureBurst(devices []device.Device, flat []play) error {
	r, err := capturerOf(devices, flat[0].command).Capture(repeated(commandsOf(flat), burstSteps))
	if late := new(device.Late); errors.As(err, &late) {
		return err
	}
	if err == nil {
		t.captures = append(t.captures, r)
		t.burst = r
	}
	return nil
}
