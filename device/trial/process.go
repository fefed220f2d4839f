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

// argument is by what name the process of a trial is started. Its other arguments are
// the driver, and a word that it is to answer with.
const argument = "flowrun-device-trial"

// Serve ends the process if it was started for a trial: look looks for the devices of
// a kind, and reports whether there is such a kind. It is called while packages are
// initialised.
func Serve(look func(kind string) bool) {
	if len(os.Args) == 3 && os.Args[0] == argument {
		os.Exit(tried(look, os.Args[1], os.Args[2]))
	}
}

// tried is the process of a trial. It ends with the one that has started it, whose end
// of the standard input goes then.
func tried(look func(kind string) bool, kind, word string) (code int) {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	debug.SetTraceback("none") // what is of interest is the signal
	if !look(kind) {
		return 2
	}
	fmt.Printf("\n%s\n", word) // on a line of its own, whatever the driver has written
	return 0
}

// patience is for how long a driver may take. One of several GPUs that sleep takes some
// seconds.
const patience = 20 * time.Second

// timeout is patience, or what FLOWRUN_DEVICE_TIMEOUT says ("1m").
func timeout() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("FLOWRUN_DEVICE_TIMEOUT")); err == nil && d > 0 {
		return d
	}
	return patience
}

// startable is this program's file, if it can be started anew.
func startable() (string, bool) {
	// A library of C's, or a plugin, is in a program that knows nothing of trials.
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

// try asks a driver for its devices in a process of its own. It isn't certain that
// what came of it comes of it again where there was no such process, or somebody ended
// it. The process has more variables, if they are given.
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
	command.WaitDelay = time.Second // for what a driver has started and left behind
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
	_ = command.Wait() // what came of it is told by its state
	switch state := command.ProcessState; {
	case ctx.Err() != nil:
		return &Died{How: fmt.Sprintf("gave no answer within %s (FLOWRUN_DEVICE_TIMEOUT, a duration, gives it longer)", patience), Said: said.lines()}, true
	case state == nil:
		return nil, false
	case state.Success() && strings.Contains(out.String(), "\n"+word+"\n"):
		return nil, true
	case state.Success():
		return &Died{How: "ended the process (exit code 0)", Said: said.lines()}, true
	default:
		how, certain := end(state.String(), said.String())
		return &Died{How: how, Said: said.lines()}, certain
	}
}

// dump is how Go's runtime tells of a signal that code in C has caused. A program that
// looks for no device has no need of it.
var dump = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:\[signal (SIG[A-Z0-9]+): ([a-z ]+)|(SIG[A-Z0-9]+): ([a-z ]+)$)`)
})

// dumps are the first lines of what the runtime writes when the process dies.
var dumps = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:SIG[A-Z0-9]+: |fatal error: |unexpected fault address |panic: |runtime: |\[signal SIG)`)
})

// outside are signals that come from somebody, and not from what a driver does.
var outside = []string{"interrupt", "terminated", "hangup", "killed"}

// end says how a process ended, and whether that was its own doing.
func end(state, said string) (how string, certain bool) {
	if signal, ok := strings.CutPrefix(state, "signal: "); ok {
		signal, _, _ = strings.Cut(signal, " (core")
		return "was ended by a signal: " + signal, !slices.Contains(outside, signal)
	}
	if m := dump().FindStringSubmatch(said); m != nil {
		name, meaning := m[1]+m[3], strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(m[2]+m[4]), " code"))
		return fmt.Sprintf("was ended by a signal: %s (%s)", name, meaning), true
	}
	if code, ok := strings.CutPrefix(state, "exit status "); ok {
		return fmt.Sprintf("ended the process (exit code %s)", code), true
	}
	return "ended the process (" + state + ")", true
}

// ending is the end of what a process writes.
type ending struct{ text []byte }

// What of it is kept, and what is shown.
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

// lines gives the last few lines, those of Go's runtime not among them: cut, and quoted
// where a terminal would make something of them.
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
