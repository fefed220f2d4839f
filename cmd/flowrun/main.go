// Command flowrun runs, checks and explains declarative dataflow programs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, func() {
		stop() // a second signal ends the process at once
		endWaits()
	})
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// patience is how long a command may take to end by itself once it was interrupted,
// unless it is finishing a run.
const patience = time.Second

// endWaits ends the process where an interrupted command doesn't: it may wait for
// something that no context reaches, as standard input, or a file system that is far
// away. A run ends by itself, for what it has learned must be written first.
func endWaits() {
	time.Sleep(patience)
	if running.Load() {
		return
	}
	fmt.Fprintln(os.Stderr, "flowrun: interrupted")
	os.Exit(exitInterrupted)
}
