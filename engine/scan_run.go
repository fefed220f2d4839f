package engine

import (
	"errors"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/ir"
)

// scan is the command that computes a scan: one loop.
//
// On a device that can capture commands, a scan that isn't long is captured with the rest
// of its step, written out ([flatten]). Others capture some of their positions, once, and
// run the capture as often as it takes.
type scan struct {
	device   device.Device
	halt     *halt
	parts    []part // what carries begin with, and what is the same at each position; the positions
	captured []part // the same, captured; nil if it isn't worth it yet, or can't be
	captures []device.Capture
	tried    bool // whether the device has been asked to capture it
	ran      int  // commands run so far, one by one
}

// part is commands that are run, in order, so many times.
type part struct {
	commands []device.Command
	times    int
}

const (
	// mostWrittenOut is how many commands the scans of a step may have to be captured with
	// it, written out. A GPU takes a microsecond or more for each, so that what a further
	// launch costs doesn't matter beyond.
	mostWrittenOut = 8192
	// capturedPositions is how many commands are captured, as whole positions, of a scan
	// that isn't captured with its step.
	capturedPositions = 1024
	// worthCapturing is after how many commands a scan is captured by itself, so that no
	// capture is made that costs more than it saves.
	worthCapturing = 4 * capturedPositions
)

func newScan(d device.Device, h *halt, begin, position []device.Command, length int) *scan {
	return &scan{device: d, halt: h, parts: []part{{begin, 1}, {position, length}}}
}

// Run runs, or queues, all positions, unless the context of the caller ends before the last.
func (s *scan) Run() error {
	if err := s.capture(); err != nil {
		return err
	}
	parts := s.parts
	if s.captured != nil {
		parts = s.captured
	}
	for _, p := range parts {
		for range p.times {
			if err := s.halt.err(); err != nil {
				return err
			}
			if err := runAll(p.commands); err != nil {
				return err
			}
		}
	}
	return nil
}

func runAll(commands []device.Command) error {
	for _, c := range commands {
		if err := c.Run(); err != nil {
			return err
		}
	}
	return nil
}

// size is the number of commands of a command that is written out.
func size(c device.Command) int {
	s, is := c.(*scan)
	if !is {
		return 1
	}
	n := 0
	for _, p := range s.parts {
		n = ir.AddSize(n, ir.MulSize(p.times, sum(p.commands)))
	}
	return n
}

func sum(commands []device.Command) (n int) {
	for _, c := range commands {
		n = ir.AddSize(n, size(c))
	}
	return n
}

// flatten writes out those scans among plays for which there is room.
func flatten(plays []play, room int) []play {
	var flat []play
	var write func(c device.Command, first int)
	write = func(c device.Command, first int) {
		s, is := c.(*scan)
		if !is {
			flat = append(flat, play{c, first})
			return
		}
		for _, p := range s.parts {
			for range p.times {
				for _, c := range p.commands {
					write(c, first)
				}
			}
		}
	}
	for _, p := range plays {
		s, is := p.command.(*scan)
		if n := size(p.command); is && n <= room && isCapturer(s.device) {
			room -= n
			write(p.command, p.first)
		} else {
			flat = append(flat, p)
		}
	}
	return flat
}

func isCapturer(d device.Device) bool {
	_, is := d.(device.Capturer)
	return is
}

// capture captures the scan if it has come to be worth it. Only a failure of earlier work
// that is detected here is an error.
func (s *scan) capture() error {
	if s.tried || !isCapturer(s.device) {
		return nil
	}
	if s.ran = ir.AddSize(s.ran, size(s)); s.ran < worthCapturing {
		return nil
	}
	s.tried = true
	begin, position := s.parts[0], s.parts[1]
	together := min(max(capturedPositions/max(sum(position.commands), 1), 1), max(position.times, 1))
	some := repeated(position.commands, together)
	rest := repeated(position.commands, position.times%together)
	var captured []part
	for _, p := range []part{begin, {some, position.times / together}, {rest, 1}} {
		flat := flatten(oneByOne(p.commands), mostWrittenOut)
		plays, made, err := captureRuns([]device.Device{s.device}, flat)
		s.captures = append(s.captures, made...)
		if err != nil {
			s.free()
			return err
		}
		captured = append(captured, part{commandsOf(plays), p.times})
	}
	if len(s.captures) > 0 {
		s.captured = captured
	}
	return nil
}

func repeated(commands []device.Command, times int) (all []device.Command) {
	for range times {
		all = append(all, commands...)
	}
	return all
}

// free gives the scan's captures, and those of scans in it, back.
func (s *scan) free() {
	for _, r := range s.captures {
		r.Free()
	}
	s.captured, s.captures, s.tried, s.ran = nil, nil, false, 0
	for _, p := range s.parts {
		for _, c := range p.commands {
			freeScan(c)
		}
	}
}

// freeScan gives back the captures of a command that is a scan.
func freeScan(c device.Command) {
	if s, is := c.(*scan); is {
		s.free()
	}
}

// captureRuns lets devices capture those plays, several in a row, that one of them can
// capture, and leaves the others as they are. With an error, which is that of earlier work,
// it gives the captures made so far.
func captureRuns(devices []device.Device, flat []play) (plays []play, made []device.Capture, err error) {
	for at := 0; at < len(flat); {
		capturer := capturerOf(devices, flat[at].command)
		end := at + 1
		for capturer != nil && end < len(flat) && capturer.Captures(flat[end].command) {
			end++
		}
		if end-at > 1 {
			r, err := capturer.Capture(commandsOf(flat[at:end]))
			if late := new(device.Late); errors.As(err, &late) {
				return nil, made, err
			}
			if err == nil {
				made = append(made, r)
				plays = append(plays, play{r, flat[at].first})
				at = end
				continue
			}
		}
		plays = append(plays, flat[at:end]...)
		at = end
	}
	return plays, made, nil
}

func commandsOf(plays []play) []device.Command {
	commands := make([]device.Command, len(plays))
	for i, p := range plays {
		commands[i] = p.command
	}
	return commands
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
