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
	ctx, stop := interruptible(context.Background())
	code := execute(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// interruptible is a context that a signal cancels. A second Ctrl-C, or TERM, ends
// the process at once; a terminal that goes away sends HUP more than once, and that
// must not end a run that saves what it has learned. HUP is left ignored where whoever
// started the process wants that (nohup).
func interruptible(parent context.Context) (context.Context, func()) {
	hungUp, stopHangups := parent, func() {}
	if !signal.Ignored(syscall.SIGHUP) {
		hungUp, stopHangups = signal.NotifyContext(parent, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(hungUp, os.Interrupt, syscall.SIGTERM)
	unwatch := context.AfterFunc(ctx, func() {
		stop()
		endWaits()
	})
	return ctx, func() {
		unwatch() // a command's own end is no interruption
		stop()
		stopHangups()
	}
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
