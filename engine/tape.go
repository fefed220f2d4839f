package engine

import "github.com/flowrun/flowrun/device"

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

// play is a part of a tape that runs as one: a command, or a device's capture of
// consecutive commands.
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
