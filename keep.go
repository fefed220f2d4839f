package flowrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/checkpoint"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/engine"
	"github.com/flowrun/flowrun/internal/errs"
	"github.com/flowrun/flowrun/internal/version"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/report"
	"github.com/flowrun/flowrun/runs"
)

// KeepIn keeps everything of the run in a folder, as --out does: what it is, its whole
// spec, metrics, a log, checkpoints, the weights and the summary at its end; docs/runs.md
// says what is in which file. The folder is made if it isn't there, and locked until
// Close. It is an error if it holds another run, unless that is resumed, or other files.
// Checkpoints go there instead of into the folder that the spec names; a spec that asks
// for none has one of the end. The command is what the folder says has started the run.
func KeepIn(dir string, command ...string) StartOption {
	return func(o *startOptions) { o.keep, o.kept, o.command = dir, true, command }
}

// keeper keeps a run in its folder. A nil one does nothing.
type keeper struct {
	folder  *runs.Folder
	command []string
	now     func() time.Time

	info    runs.Info
	resumed *runs.Resumption // what info is to say of this process; nil: the run is new
	text    string           // the rendered spec
	active  atomic.Bool      // a Run is in progress
	ended   *runs.Summary    // how the run ended before this Run; nil if it hadn't
	endText string           // its text

	noting sync.Mutex // of the following two
	notes  []string   // that came before there was a log
	files  *keptFiles // nil before the first Run

	use    sync.Mutex // of the folder: it may be closed while the run begins or ends
	closed bool
}

// openKeeper opens the folder that a run is kept in; nil if it isn't kept.
func (p *Program) openKeeper(o *startOptions) (*keeper, error) {
	if !o.kept {
		return nil, nil
	}
	folder, err := runs.Open(o.keep, o.resume.wanted, o.files)
	if err != nil {
		return nil, fmt.Errorf("the run can't be kept: %w", err)
	}
	k := &keeper{folder: folder, command: slices.Clone(o.command), now: time.Now}
	if o.resume.wanted && o.resume.path == "" && !o.resume.orNew && folder.Before == nil {
		return nil, errors.Join(fmt.Errorf("resume: there is no run in %s to continue: start one without --resume, or with --resume=auto", o.keep), folder.Close())
	}
	told := o.note
	o.note = func(note string) {
		k.note("note: " + note)
		if told != nil {
			told(note)
		}
	}
	return k, nil
}

// checkpoints says when there are checkpoints, and that they go into the folder.
func (k *keeper) checkpoints(c *ir.Checkpoint) *ir.Checkpoint {
	path := k.folder.Path(runs.Checkpoints)
	if c == nil {
		return checkpoint.AtTheEnd(path)
	}
	kept := *c
	kept.Path = path
	return &kept
}

// resumption is what to resume from. A run that was interrupted before its first
// checkpoint begins anew.
func (k *keeper) resumption(wanted resumption) resumption {
	if k != nil && k.folder.Before != nil && wanted.path == "" {
		wanted.orNew = true
	}
	return wanted
}

// continues is the error for a checkpoint that isn't of the run in the folder.
func (k *keeper) continues(from *checkpoint.Resumed, store *checkpoint.Store) error {
	if k == nil || k.folder.Before == nil || from == nil || store.Knows(from.Run) {
		return nil
	}
	return fmt.Errorf("resume: %s isn't a checkpoint of the run in %s: name another folder for the run that goes on from it", from.Path, k.folder.Path())
}

// describe gathers what the folder says of the run, once it could begin.
func (k *keeper) describe(s *Session, o *startOptions) (err error) {
	if k == nil {
		return nil
	}
	p := s.program
	if k.text, err = p.rendered(nil); err != nil {
		return err
	}
	if k.text == "" {
		return fmt.Errorf("the run can't be kept: %s is too large to be written out with what it imports", p.spec.File)
	}
	k.info = s.info()
	before := k.folder.Before
	if before == nil && s.resumed == nil {
		k.info.Started, k.info.Command = k.now(), k.command
		return nil
	}
	k.resumed = &runs.Resumption{At: k.now(), Command: k.command}
	if r := s.resumed; r != nil {
		k.resumed.Step, k.resumed.From, k.resumed.Differences = r.Step, r.Path, r.Differences
	}
	if before == nil { // it goes on in a folder of its own
		k.info.Started, k.info.Command = k.resumed.At, k.command
		return nil
	}
	k.info.Spec, k.info.Started, k.info.Command = before.Spec, before.Started, before.Command
	k.info.Weights, k.info.Resumed = before.Weights, before.Resumed
	return nil
}

// info says what a session runs.
func (s *Session) info() runs.Info {
	p := s.program
	info := runs.Info{Flowrun: version.String(), Spec: p.spec.File, Name: p.Name(), Vars: p.Vars(), Seed: p.Seed(),
		Device: s.device, LogEvery: s.settings.LogEvery, MaxSteps: s.settings.MaxSteps, Metrics: p.Metrics()}
	if s.weights != nil {
		info.Weights = s.weights.File
	}
	if by := s.settings.Decides(); by != nil {
		info.Decides = &runs.Decides{Metric: by.Metric, Mode: by.Mode()}
	}
	return info
}

// note adds a line to the log, or to what is to be its beginning.
func (k *keeper) note(line string) {
	k.noting.Lock()
	defer k.noting.Unlock()
	if k.files == nil {
		k.notes = append(k.notes, line)
		return
	}
	k.files.tell(line)
}

// run runs the loop of a session, and keeps what there is to keep of it.
func (k *keeper) run(ctx context.Context, s *Session, loop engine.Loop) (Summary, error) {
	if !k.active.CompareAndSwap(false, true) {
		return Summary{}, engine.ErrRunning
	}
	defer k.active.Store(false)
	if err := k.while(func() error { return k.begin(s, loop) }); err != nil {
		return Summary{}, fmt.Errorf("the run can't be kept: %w", err)
	}
	tell := loop.TellNonFinite
	loop.TellNonFinite = func(step int64) {
		k.note(fmt.Sprintf("warning: the loss is infinite or NaN, first at step %d", step))
		if tell != nil {
			tell(step)
		}
	}
	loop.Observers = append(loop.Observers, k.files.observers()...)
	summary, err := s.runLoop(ctx, loop)
	if err == nil || summary.Steps > 0 {
		k.folder.Begin()
	}
	if errors.Is(err, engine.ErrClosed) {
		return summary, err
	}
	return summary, k.while(func() error { return k.end(s, summary, err) })
}

// while does something in the folder, unless it is closed.
func (k *keeper) while(do func() error) error {
	k.use.Lock()
	defer k.use.Unlock()
	if k.closed {
		return engine.ErrClosed
	}
	return do()
}

// begin writes what the run is, and opens what is written while it runs.
func (k *keeper) begin(s *Session, loop engine.Loop) error {
	info := k.info
	info.MaxSteps = loop.MaxSteps
	if k.files == nil && k.resumed != nil {
		info.Resumed = append(slices.Clone(info.Resumed), *k.resumed)
	}
	text, err := s.program.moved(k.text, k.folder.Path(), k.limit(s, loop))
	if err != nil {
		return err
	}
	if err := k.folder.WriteInfo(info); err != nil {
		return err
	}
	k.info = info
	if err := k.folder.WriteText(runs.SpecFile, text); err != nil {
		return err
	}
	if k.files == nil {
		if err := k.open(s.Describe(loop.MaxSteps), k.opening(s)); err != nil {
			return err
		}
	}
	k.ended, k.endText = k.folder.Ended()
	// They are of an earlier end. What they had, the checkpoint has too.
	return errors.Join(k.folder.Remove(runs.SummaryFile), k.folder.Remove(runs.WeightsFile))
}

// limit is the step at which the run ends, if the spec doesn't say that; else 0.
func (k *keeper) limit(s *Session, loop engine.Loop) int64 {
	if loop.MaxSteps == s.settings.MaxSteps {
		return 0
	}
	return loop.MaxSteps
}

// open opens what is written while the run runs.
func (k *keeper) open(run report.Run, opening []string) (err error) {
	k.noting.Lock()
	defer k.noting.Unlock()
	k.files, err = openKept(k.folder, run, append(opening, k.notes...))
	k.notes = nil
	return err
}

// opening is what the log says before the first step.
func (k *keeper) opening(s *Session) []string {
	how := "begun"
	switch r := s.resumed; {
	case r != nil:
		how = fmt.Sprintf("resumed from %s, step %d", r.Path, r.Step)
	case k.folder.Before != nil:
		how = "begun again: there was no checkpoint yet"
	}
	lines := []string{fmt.Sprintf("%s: %s on %s by flowrun %s", k.now().Format(time.RFC3339), how, s.device, version.String())}
	if len(k.command) > 0 {
		lines = append(lines, diag.ShellLine(k.command...))
	}
	for _, d := range s.program.Warnings() {
		lines = append(lines, fmt.Sprintf("warning: %s: %s", d.Range, d.Message))
	}
	if r := s.resumed; r != nil {
		lines = append(lines, r.Warnings()...)
	}
	return lines
}

// end writes the weights and how the run has ended; failure is why it has failed, or nil.
func (k *keeper) end(s *Session, summary Summary, failure error) error {
	var lost *engine.Poisoned
	if !errors.As(failure, &lost) {
		failure = errs.Join(failure, k.keepWeights(s))
	}
	result := s.Result(summary, failure)
	var text strings.Builder
	if d := summary.Divergence; d != nil {
		fmt.Fprintf(&text, "%s: diverged: %s\n(help: %s)\n", k.now().Format(time.RFC3339), report.Divergence(d), report.DivergenceHelp(d))
	}
	if failure != nil {
		fmt.Fprintf(&text, "%s: failed: %s\n", k.now().Format(time.RFC3339), diag.Printable(failure.Error()))
	} else if err := result.WriteText(&text); err != nil {
		return err
	}
	k.noting.Lock()
	failure = errs.Join(failure, k.files.finish(text.String()))
	k.noting.Unlock()
	result.Failure = failure
	object, err := k.summary(result)
	if err == nil {
		err = k.folder.WriteText(runs.SummaryFile, object)
	}
	return errs.Join(failure, err)
}

// summary is the text of the file that says how the run has ended. If there was nothing
// left to do, that is how it ended before, with the steps and seconds that it took then.
func (k *keeper) summary(result Result) (string, error) {
	now, was := result.Summary, k.ended
	if result.Failure == nil && was != nil && now.Steps == 0 && was.Step == now.Step && was.Stopped == string(now.Stopped) {
		return k.endText, nil
	}
	var object strings.Builder
	err := result.WriteJSON(&object)
	return object.String(), err
}

// keepWeights writes the weights, unless they aren't numbers any more.
func (k *keeper) keepWeights(s *Session) error {
	weights, err := s.Weights()
	if err != nil {
		return err
	}
	if name := s.beginning.Unsound(s.engine.Plan().Graph.States, weights.Tensors); name != "" {
		k.note(fmt.Sprintf("%s isn't written: %s is infinite or NaN", runs.WeightsFile, name))
		return nil
	}
	return weights.saveIn(k.folder.Folder, runs.WeightsFile)
}

// close gives the folder back. That of a run that never took a step is left as it was.
func (k *keeper) close() error {
	if k == nil {
		return nil
	}
	k.use.Lock()
	defer k.use.Unlock()
	k.closed = true
	return errors.Join(k.files.close(), k.folder.Forget(), k.folder.Close())
}
