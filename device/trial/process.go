package trial

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// argument is the name of a trial's process. Its other arguments are the driver and a
// word to answer with.
const argument = "flowrun-device-trial"

// Serve runs the trial and exits if this process was started for one: look looks for the
// devices of a kind, and reports whether there is such a kind. It must be called during
// package initialization.
func Serve(look func(kind string) bool) {
	if len(os.Args) == 3 && os.Args[0] == argument {
		os.Exit(tried(look, os.Args[1], os.Args[2]))
	}
}

// tried runs in a trial's process. It exits when its standard input is closed.
func tried(look func(kind string) bool, kind, word string) (code int) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	debug.SetTraceback("none") // only the signal is of interest
	if !look(kind) {
		return 2
	}
	fmt.Printf("\n%s\n", word) // on a line of its own, whatever the driver has written
	return 0
}

// patience is the time a driver may take. With several sleeping GPUs it takes seconds.
const patience = 20 * time.Second

// timeout is FLOWRUN_DEVICE_TIMEOUT ("1m"), by default patience.
func timeout() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("FLOWRUN_DEVICE_TIMEOUT")); err == nil && d > 0 {
		return d
	}
	return patience
}

// startable is this program's file, if it can be started again.
func startable() (string, bool) {
	// The program that loads a C library or a plugin doesn't handle trials.
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-buildmode" && s.Value != "exe" && s.Value != "pie" {
				return "", false
			}
		}
	}
	file, err := os.Executable()
	return file, err == nil
}

// try looks for a driver's devices in a separate process, with more environment variables
// if given. The result is not certain if the process couldn't be started or was killed.
func try(kind string, patience time.Duration, more ...string) (died *Died, certain bool) {
	file, ok := startable()
	if !ok {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	word := rand.Text()
	command := exec.CommandContext(ctx, file)
	command.Args = []string{argument, kind, word}
	command.Env = append(os.Environ(), more...)
	command.WaitDelay = time.Second // for processes that hold its output
	grouped(command)
	var out, said ending
	command.Stdout, command.Stderr = &out, &said
	input, err := command.StdinPipe()
	if err != nil {
		return nil, false
	}
	defer input.Close()
	if err := command.Start(); err != nil {
		return nil, false
	}
	_ = command.Wait() // the result is in its state
	_ = endGroup(command)
	switch state := command.ProcessState; {
	case ctx.Err() != nil:
		return &Died{How: fmt.Sprintf("did not answer within %s (FLOWRUN_DEVICE_TIMEOUT, a duration, sets this limit)", patience), Said: said.lines()}, true
	case state == nil:
		return nil, false
	case state.Success() && strings.Contains(out.String(), "\n"+word+"\n"):
		return nil, true
	case state.Success():
		return &Died{How: "exited (code 0)", Said: said.lines()}, true
	default:
		how, certain := end(state.String(), said.String())
		return &Died{How: how, Said: said.lines()}, certain
	}
}

// dump matches the Go runtime's report of a signal caused by C code.
var dump = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:\[signal (SIG[A-Z0-9]+): ([a-z ]+)|(SIG[A-Z0-9]+): ([a-z ]+)$)`)
})

// dumps matches the first line that the Go runtime writes when the process dies.
var dumps = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:SIG[A-Z0-9]+: |fatal error: |unexpected fault address |panic: |runtime: |\[signal SIG)`)
})

// outside are signals sent from outside, not caused by a driver.
var outside = []string{"interrupt", "terminated", "hangup", "killed"}

// end describes how a process ended, and reports whether it caused that itself.
func end(state, said string) (how string, certain bool) {
	if signal, ok := strings.CutPrefix(state, "signal: "); ok {
		signal, _, _ = strings.Cut(signal, " (core")
		return "was killed by a signal: " + signal, !slices.Contains(outside, signal)
	}
	if m := dump().FindStringSubmatch(said); m != nil {
		name, meaning := m[1]+m[3], strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(m[2]+m[4]), " code"))
		return fmt.Sprintf("was killed by a signal: %s (%s)", name, meaning), true
	}
	if code, ok := strings.CutPrefix(state, "exit status "); ok {
		return fmt.Sprintf("exited (code %s)", code), true
	}
	return "exited (" + state + ")", true
}

// ending keeps the end of a process's output.
type ending struct{ text []byte }

// How much of the output is kept and shown.
const (
	keptBytes  = 32 << 10
	shownLines = 3
	shownBytes = 200 // of a line
)

// Write keeps the end.
func (e *ending) Write(p []byte) (int, error) {
	e.text = append(e.text, p...)
	if len(e.text) > 2*keptBytes {
		e.text = bytes.Clone(e.text[len(e.text)-keptBytes:])
	}
	return len(p), nil
}

func (e *ending) String() string { return string(e.text) }

// lines returns the last few lines, without those of the Go runtime, shortened, and quoted
// if they contain control characters.
func (e *ending) lines() []string {
	text := e.String()
	if at := dumps().FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) > shownBytes {
			line = strings.ToValidUTF8(line[:shownBytes], "") + "…"
		}
		if quoted := strconv.Quote(line); quoted != `"`+line+`"` {
			line = quoted
		}
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-shownLines):]
}
