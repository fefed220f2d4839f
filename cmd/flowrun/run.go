package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/report"
)

// runFlags are the flags of run, and of flowrun itself.
type runFlags struct {
	specFlags
	startFlags
	followFlags
	keepFlags
	numericsFlags
	sync        bool
	maxSteps    int64
	resume      string
	save        string
	saveAverage string
	stats       bool
	json        bool

	changedData bool
}

func newRun(s streams) *cobra.Command {
	var o runFlags
	c := &cobra.Command{
		Use:   "run SPEC",
		Short: "Train the model of a spec",
		Long: `run trains the model of a spec until the condition of until holds, epochs or
max_steps is reached, early_stop sees no improvement, its data ends, or the run is
interrupted.`,
		Args: oneSpec,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args, s) },
	}
	o.add(c)
	return c
}

func (o *runFlags) add(c *cobra.Command) {
	o.specFlags.add(c)
	o.startFlags.add(c, "start from the weights in `FILE`: safetensors, a checkpoint, or an index of shards")
	o.numericsFlags.add(c)
	f := c.Flags()
	intFlag(c, &o.maxSteps, "max-steps", "stop after `N` steps, overriding the spec's max_steps")
	f.BoolVar(&o.sync, "sync", false, "run every node as its own kernel and wait for each, to find the one that fails; same results, slower")
	f.StringVar(&o.resume, "resume", "", "resume from a checkpoint: the newest one of the latest run, or `FILE`; auto starts a new run if there is none")
	f.Lookup("resume").NoOptDefVal = newest
	f.BoolVar(&o.changedData, "allow-changed-data", false, "resume although the training data, or the size of its batches, has changed")
	f.StringVar(&o.save, "save", "", "write the parameters to `FILE` (safetensors) at the end")
	f.StringVar(&o.saveAverage, "save-average", "", "with --save: write the average `NAME` of the weights (train.averages) instead of those of the last step")
	o.followFlags.add(c)
	o.keepFlags.add(c)
	f.BoolVar(&o.stats, "stats", false, "print kernel and copy counts, the peak memory and the time spent waiting for data at the end")
	f.BoolVar(&o.json, "json", false, "write one JSON object to standard output at the end, and nothing else")
}

// running is true during a run, which saves its state before it ends.
var running atomic.Bool

// newest is what --resume alone means; auto is the same, or a new run. A file with such
// a name is ./auto.
const (
	newest = "newest"
	auto   = "auto"
)

// check is the error for flags that don't go together.
func (o *runFlags) check(c *cobra.Command, args []string) error {
	if err := oneSpec(c, args); err != nil {
		return err
	}
	if o.resume != "" && o.resume != auto && o.weights != "" {
		return usageError{errors.New("--resume reads the parameters from a checkpoint; it can't be combined with --weights")}
	}
	if o.saveAverage != "" && o.save == "" {
		return usageError{errors.New("--save-average says what --save FILE writes: name the file")}
	}
	if c.Flags().Changed("max-steps") && o.maxSteps < 1 {
		return usageError{fmt.Errorf("--max-steps must be at least 1, got %d", o.maxSteps)}
	}
	return nil
}

func (o *runFlags) run(c *cobra.Command, args []string, s streams) (err error) {
	limited := c.Flags().Changed("max-steps")
	if err := o.check(c, args); err != nil {
		return err
	}
	program, err := o.load(c, args[0], s)
	if err != nil {
		return err
	}
	follow, err := o.followFlags.options(c)
	if err != nil {
		return err
	}
	follow = append(follow, o.keepFlags.options(c)...)
	if err := o.checkOutputs(args[0], program, s); err != nil {
		return err
	}
	// A write to a pipe that nobody reads any more interrupts a run; otherwise it would
	// end the process.
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGPIPE)
	defer stop()
	session, err := o.start(ctx, program, follow, s.errors)
	if err != nil {
		return err
	}
	if o.saveAverage != "" && !session.Averages(o.saveAverage) { // not at the end of the run
		return errors.Join(usageError{fmt.Errorf("--save-average: train.averages has no %s; declare it as {decay: 0.999}, or correct the name", diag.Quote(o.saveAverage))}, session.Close())
	}
	running.Store(true)
	defer running.Store(false)
	defer func() { err = errors.Join(err, session.Close()) }()

	info := session.Describe(o.maxSteps)
	if r := session.Resumed(); r != nil {
		tellResumed(s.errors, r)
	}
	var options []flowrun.RunOption
	if limited {
		options = append(options, flowrun.MaxSteps(o.maxSteps))
	}
	progress, clear := o.progress(s, info)
	for _, observer := range progress {
		options = append(options, flowrun.Observe(observer))
	}
	options = append(options, flowrun.OnNonFinite(func(step int64) {
		clear()
		tellNonFinite(s.errors, step, o.checkpoints(program))
	}))
	options = append(options, o.numericsFlags.running(s.errors, clear)...)
	if o.log != "" {
		observer, end, failed := o.openLog(info, s)
		if failed != nil {
			return failed
		}
		defer func() { err = end(err) }()
		options = append(options, flowrun.Observe(observer))
	}
	if o.tensorboard != "" {
		observer, end, failed := o.openEvents(program, info, func(note string) {
			clear()
			fmt.Fprintln(s.errors, note)
		})
		if failed != nil {
			return failed
		}
		defer func() { err = end(err) }()
		options = append(options, flowrun.Observe(observer))
	}
	summary, err := session.Run(ctx, options...)
	clear()
	return o.end(session, summary, err, s)
}

// saved are the weights that --save writes.
func (o *runFlags) saved(session *flowrun.Session) (flowrun.Weights, error) {
	if o.saveAverage != "" {
		return session.AveragedWeights(o.saveAverage)
	}
	return session.Weights()
}

// end saves the parameters, and says how the run has ended; err is why it has failed, or
// nil.
func (o *runFlags) end(session *flowrun.Session, summary flowrun.Summary, err error, s streams) error {
	if o.save != "" && !errors.As(err, new(*engine.Poisoned)) { // whatever ended the run, its parameters are saved
		weights, failed := o.saved(session)
		if failed == nil {
			failed = weights.Save(o.save)
		}
		if failed != nil {
			err = errs.Join(err, fmt.Errorf("--save: %w", failed))
		} else {
			tellSaved(s.errors, weights, o.save, summary)
		}
	}
	if err != nil {
		return errs.Join(err, errDiverged(summary))
	}
	result := session.Result(summary, nil)
	if err := o.finish(result, s.out); err != nil {
		return err
	}
	if summary.Stopped == engine.StoppedInterrupted {
		return errInterrupted
	}
	return errDiverged(summary)
}

// start begins the session.
func (o *runFlags) start(ctx context.Context, program *flowrun.Program, more []flowrun.StartOption, errors io.Writer) (*flowrun.Session, error) {
	options, err := o.startFlags.options(program)
	if err != nil {
		return nil, err
	}
	options = append(options, more...)
	options = append(options, o.numericsFlags.starting(errors)...)
	if o.sync {
		options = append(options, flowrun.Sync())
	}
	options = append(options, flowrun.OnDataNote(func(note string) { fmt.Fprintln(errors, diag.Printable("note: "+note)) }))
	options = append(options, flowrun.OnWeights(tellWeights(errors)))
	if o.changedData {
		options = append(options, flowrun.AllowChangedData())
	}
	switch o.resume {
	case "":
	case newest:
		options = append(options, flowrun.Resume(""))
	case auto:
		options = append(options, flowrun.ResumeOrStart())
	default:
		options = append(options, flowrun.Resume(o.resume))
	}
	return program.Start(ctx, options...)
}

// finish writes the summary.
func (o *runFlags) finish(r report.Result, w io.Writer) error {
	if o.json {
		return r.WriteJSON(w)
	}
	if err := r.WriteText(w); err != nil {
		return err
	}
	if o.stats {
		return r.WriteStats(w)
	}
	return nil
}
